variable "name" {
  description = "Name of the function, of its role and of its log group (`/aws/lambda/<name>`)."
  type        = string
}

variable "zip" {
  description = "The code as a zip in S3 with a `bootstrap` in it; sha256 in hex. Either this or `image`."
  type        = object({ bucket = string, key = string, sha256 = string })
  default     = null
}

variable "image" {
  description = "The code as a container image: `<registry>/<repository>@sha256:<hex>`. Either this or `zip`."
  type        = string
  default     = null

  validation {
    condition     = (var.image == null) != (var.zip == null)
    error_message = "A function has its code either in `zip` or in `image`: set one of them."
  }
}

variable "statements" {
  description = "What the function's role may do, beside writing its own log: the Allow statements of its policy. A condition is IAM's own, operator to key to values."
  type = list(object({
    actions   = list(string)
    resources = list(string)
    condition = optional(map(map(list(string))))
  }))
}

variable "environment" {
  description = "The function's environment variables: the names that its `config.rs` reads."
  type        = map(string)
}

variable "memory_size" {
  description = "Memory in MB; CPU comes with it (1,769 MB are one vCPU)."
  type        = number
}

variable "timeout" {
  description = "The longest an invocation may take, in seconds."
  type        = number
}

variable "log_retention_days" {
  description = "How many days the function's log is kept."
  type        = number
}

variable "alarm_ratios" {
  description = "The alarms `<name>-failed` and `<name>-rejected` fire above these shares, 0 to 1, of the work of a minute."
  type        = object({ failed = number, rejected = number })

  validation {
    condition     = alltrue([for ratio in values(var.alarm_ratios) : ratio >= 0 && ratio < 1])
    error_message = "A share is a number from 0 to below 1: nothing is more than all, so 1 would never fire."
  }
}
