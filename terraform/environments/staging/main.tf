# One environment of the service. The environments' roots are the same but for terraform.tfvars.

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]
  s3_use_path_style   = var.s3_use_path_style

  default_tags {
    tags = {
      repository = var.repository
      root       = "terraform/environments/${var.environment}"
    }
  }
}

module "service" {
  source = "../../modules/service"

  environment            = var.environment
  account_id             = var.account_id
  region                 = var.region
  name_prefix            = var.name_prefix
  artifacts_bucket       = var.artifacts_bucket
  ingest_zip             = var.ingest_zip
  enrich_image           = var.enrich_image
  query_image            = var.query_image
  protect                = var.protect
  landing_retention_days = var.landing_retention_days
  retention_days         = var.retention_days
  log_retention_days     = var.log_retention_days
  sla_seconds            = var.sla_seconds
  default_country        = var.default_country
  jwt_issuer             = var.jwt_issuer
  jwt_audience           = var.jwt_audience
  throttling             = var.throttling
  alarms                 = var.alarms
}
