# Where calls land (`calls/`) and what no table can take is put aside (`rejected/`).

module "landing" {
  source = "../bucket"

  name    = "${var.name_prefix}-landing-${var.environment}-${var.account_id}"
  protect = var.protect
}

# In a versioned bucket an expired or overwritten object lives on as an old version, so the two periods add up to
# landing_retention_days, after which nothing is left. Old versions stay as long as a failed event may wait for its
# redrive, because `ingest` reads the very version that the event names.
resource "aws_s3_bucket_lifecycle_configuration" "landing" {
  bucket = module.landing.name

  dynamic "rule" {
    for_each = toset(["calls", "rejected"])

    content {
      id     = rule.value
      status = "Enabled"

      filter {
        prefix = "${rule.value}/"
      }

      expiration {
        days = var.landing_retention_days - local.redrive_days
      }

      noncurrent_version_expiration {
        noncurrent_days = local.redrive_days
      }
    }
  }

  rule {
    id     = "unfinished-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}
