variable "account_id" {
  description = "Id of the AWS account, 12 digits."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "An account id is 12 digits."
  }
}

variable "region" {
  description = "AWS region, such as eu-central-1."
  type        = string
}

variable "name_prefix" {
  description = "Start of the bucket names, which are unique in the whole partition."
  type        = string
  default     = "lockgate"
}

variable "environments" {
  description = "The environments: each gets a ledger table and roles, before its own first apply."
  type        = list(string)
  default     = ["staging", "production"]

  validation {
    # Roles are told apart by what names end with: an environment `x-staging` would own what is staging's.
    condition     = alltrue([for environment in var.environments : can(regex("^[a-z][a-z0-9]{1,15}$", environment))])
    error_message = "An environment's name is 2 to 16 lower-case letters and digits, as modules/service wants it."
  }
}

variable "always_approved" {
  description = "Those of the environments whose every delivery is approved (`approval: always`): they have reviewers themselves, and `<environment>-approval` opens no role."
  type        = list(string)
  default     = ["production"]

  validation {
    # A name that is misspelt would leave the role open to an environment that nobody makes.
    condition     = alltrue([for environment in var.always_approved : contains(var.environments, environment)])
    error_message = "always_approved names an environment that is none of `environments`: name those of them that are delivered with `approval: always`, or none by []."
  }
}

variable "protect" {
  description = "Whether tables refuse deletion and destroying buckets and repositories fails while something is in them. The clean-up turns it off first."
  type        = bool
  default     = true
}

variable "repository" {
  description = "Name of the repository that this root belongs to, for the tags."
  type        = string
  default     = "lockgate"
}

variable "s3_use_path_style" {
  description = "Whether S3 is addressed as <endpoint>/<bucket>: for an S3 stand-in without host names of its own."
  type        = bool
  default     = false
}

variable "github_repository" {
  description = "The GitHub repository whose jobs deliver, owner/name. Null: no job is let in."
  type        = string
  default     = null
}

variable "github_repository_ids" {
  description = "Ids of its owner and of itself, if its OIDC tokens carry them in `sub`: repositories made, renamed or transferred since July 2026."
  type        = object({ owner = string, repository = string })
  default     = null
}

variable "github_provider_arn" {
  description = "ARN of GitHub's OIDC provider, if the account has one already. Null: it is made."
  type        = string
  default     = null
}

variable "github_issuer" {
  description = "Who issues the tokens; another one for GitHub Enterprise Server."
  type        = string
  default     = "https://token.actions.githubusercontent.com"
}
