variable "name" {
  description = "Name of the role and of its policy."
  type        = string
}

variable "description" {
  description = "What the role is for."
  type        = string
}

variable "provider_arn" {
  description = "ARN of GitHub's OIDC provider in this account."
  type        = string

  validation {
    condition     = can(regex(":oidc-provider/[^/]", var.provider_arn))
    error_message = "An OIDC provider's ARN is arn:aws:iam::<account>:oidc-provider/<host>."
  }
}

variable "repository" {
  description = "The GitHub repository, owner/name, in the case that GitHub shows."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.repository))
    error_message = "A repository is owner/name, without wildcards."
  }
}

variable "repository_ids" {
  description = "Ids of owner and repository, if its tokens carry them in `sub` (`gh api repos/<owner>/<name> --jq '.owner.id, .id'`)."
  type        = object({ owner = string, repository = string })
  default     = null
}

variable "subjects" {
  description = "What follows the repository in `sub`: environment:<name>, ref:refs/heads/<branch> or pull_request."
  type        = list(string)

  validation {
    condition     = length(var.subjects) > 0 && alltrue([for subject in var.subjects : can(regex("^(environment:[^*?:]+|ref:refs/[^*?]+|pull_request)$", subject))])
    error_message = "A subject is environment:<name> (a colon in the name is %3A), ref:refs/... or pull_request, without wildcards."
  }
}

variable "ref" {
  description = "What the job has to run on besides, such as refs/heads/main. AWS compares it for GitHub's own issuer alone, in the partition aws, since February 2026; elsewhere it would let nobody in."
  type        = string
  default     = null

  validation {
    condition     = var.ref == null || can(regex("^refs/(heads|tags)/[^*?]+$", var.ref))
    error_message = "A ref is refs/heads/<branch> or refs/tags/<tag>, without wildcards."
  }
}

variable "audience" {
  description = "Whom the token must be made for; in China sts.amazonaws.com.cn."
  type        = string
  default     = "sts.amazonaws.com"
}

variable "statements" {
  description = "What the role may do: the Allow statements of its policy. Conditions are IAM's own, operator to key to values."
  type = list(object({
    actions    = list(string)
    resources  = list(string)
    conditions = optional(map(map(list(string))), {})
  }))
}

variable "max_session_duration" {
  description = "How long its credentials are good at most, in seconds."
  type        = number
  default     = 3600
}
