variable "environment" {
  description = "Name of the environment: the end of every name, and of `lockgate_releases_<environment>`."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,15}$", var.environment))
    error_message = "An environment's name is 2 to 16 lower-case letters and digits: it becomes part of bucket names."
  }
}

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
}

variable "artifacts_bucket" {
  description = "Bucket with the zips (`terraform/bootstrap` makes it)."
  type        = string
}

variable "ingest_zip" {
  description = "The code of `ingest`: key in the artifacts bucket, and SHA-256 in hex."
  type        = object({ key = string, sha256 = string })

  validation {
    condition     = can(regex("^[0-9a-f]{64}$", var.ingest_zip.sha256))
    error_message = "The sha256 of a zip is 64 hex digits."
  }
}

variable "enrich_image" {
  description = "The code of `enrich`: digest in the ECR repository `enrich`, `sha256:<hex>`."
  type        = string

  validation {
    condition     = can(regex("^sha256:[0-9a-f]{64}$", var.enrich_image))
    error_message = "An image is named by its digest, sha256:<64 hex digits>, never by a tag."
  }
}

variable "query_image" {
  description = "The code of `query`: digest in the ECR repository `query`, `sha256:<hex>`."
  type        = string

  validation {
    condition     = can(regex("^sha256:[0-9a-f]{64}$", var.query_image))
    error_message = "An image is named by its digest, sha256:<64 hex digits>, never by a tag."
  }
}

variable "protect" {
  description = "Whether tables refuse deletion and destroying the landing bucket fails while something is in it. The clean-up turns it off first."
  type        = bool
}

variable "landing_retention_days" {
  description = "Days after which nothing is left of a landed or rejected object, old versions included."
  type        = number

  validation {
    condition     = var.landing_retention_days > 14
    error_message = "Landed objects stay longer than the 14 days that a failed event may wait for its redrive: at least 15."
  }
}

variable "retention_days" {
  description = "Days that the tables keep a call after its delivery; 0 keeps it for ever. Sums are kept for ever and still count it, so a correction that is delivered after the call expired is counted as a call of its own."
  type        = number

  validation {
    condition     = var.retention_days >= 0 && floor(var.retention_days) == var.retention_days
    error_message = "Days are a whole number, 0 (for ever) or more."
  }
}

variable "log_retention_days" {
  description = "Days that logs are kept: one of the periods that CloudWatch Logs knows."
  type        = number
}

variable "sla_seconds" {
  description = "A call that lasts longer breaches the service level."
  type        = number

  validation {
    condition     = var.sla_seconds > 0
    error_message = "The service level is a number of seconds above 0."
  }
}

variable "default_country" {
  description = "Country by which national phone numbers are read, ISO 3166-1 alpha-2."
  type        = string

  validation {
    condition     = can(regex("^[A-Z]{2}$", var.default_country))
    error_message = "A country is two capital letters, such as DE."
  }
}

variable "jwt_issuer" {
  description = "Issuer of the tokens that the HTTP API accepts; null: requests are signed (AWS_IAM) instead."
  type        = string

  validation {
    condition     = var.jwt_issuer == null || can(regex("^https://", var.jwt_issuer))
    error_message = "The issuer of tokens is an https:// URL."
  }

  validation {
    condition     = (var.jwt_issuer == null) == (length(var.jwt_audience) == 0)
    error_message = "Tokens are checked by issuer and audience: set jwt_issuer and jwt_audience together, or neither."
  }
}

variable "jwt_audience" {
  description = "Audiences of which a token must name one; set together with jwt_issuer."
  type        = list(string)
}

variable "throttling" {
  description = "What the HTTP API takes from all callers together: requests per second, and how many at once above that."
  type        = object({ rate = number, burst = number })
}

variable "alarms" {
  description = "The shares of failed and of rejected work, 0 to 1, above which a function's alarm fires, and the ARNs that are told when the environment's alarm fires and when it is over."
  type        = object({ ratios = object({ failed = number, rejected = number }), actions = list(string) })
}
