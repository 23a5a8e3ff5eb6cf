variable "environment" {
  description = "Name of the environment: the end of every name, and of `lockgate_releases_<environment>`."
  type        = string
}

variable "account_id" {
  description = "Id of the AWS account, 12 digits."
  type        = string
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

variable "artifacts_bucket" {
  description = "Bucket with the zips (`terraform/bootstrap` makes it)."
  type        = string
}

variable "ingest_zip" {
  description = "The code of `ingest`: key in the artifacts bucket, and SHA-256 in hex."
  type        = object({ key = string, sha256 = string })
}

variable "enrich_image" {
  description = "The code of `enrich`: digest in the ECR repository `enrich`, `sha256:<hex>`."
  type        = string
}

variable "query_image" {
  description = "The code of `query`: digest in the ECR repository `query`, `sha256:<hex>`."
  type        = string
}

variable "protect" {
  description = "Whether tables refuse deletion and destroying the landing bucket fails while something is in it. The clean-up turns it off first."
  type        = bool
  default     = true
}

variable "landing_retention_days" {
  description = "Days after which nothing is left of a landed or rejected object, old versions included."
  type        = number
  default     = 30
}

variable "retention_days" {
  description = "Days that the tables keep a call after its delivery; 0 keeps it for ever."
  type        = number
  default     = 0
}

variable "log_retention_days" {
  description = "Days that logs are kept: one of the periods that CloudWatch Logs knows."
  type        = number
  default     = 30
}

variable "sla_seconds" {
  description = "A call that lasts longer breaches the service level."
  type        = number
  default     = 600
}

variable "default_country" {
  description = "Country by which national phone numbers are read, ISO 3166-1 alpha-2."
  type        = string
  default     = "DE"
}

variable "jwt_issuer" {
  description = "Issuer of the tokens that the HTTP API accepts; null: requests are signed (AWS_IAM) instead."
  type        = string
  default     = null
}

variable "jwt_audience" {
  description = "Audiences of which a token must name one; set together with jwt_issuer."
  type        = list(string)
  default     = []
}

variable "throttling" {
  description = "What the HTTP API takes from all callers together: requests per second, and how many at once above that."
  type        = object({ rate = number, burst = number })
  default     = { rate = 50, burst = 100 }
}

variable "alarms" {
  description = "The shares of failed and of rejected work, 0 to 1, above which a function's alarm fires, and the ARNs that are told when the environment's alarm fires and when it is over."
  type = object({
    ratios  = optional(object({ failed = number, rejected = number }), { failed = 0.05, rejected = 0.5 })
    actions = optional(list(string), [])
  })
  default = {}
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
