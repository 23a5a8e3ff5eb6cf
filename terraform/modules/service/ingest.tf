# `ingest`: every object that lands under `calls/` becomes items of the bronze table.

module "ingest" {
  source = "../function"

  name               = "ingest-${var.environment}"
  zip                = { bucket = var.artifacts_bucket, key = var.ingest_zip.key, sha256 = var.ingest_zip.sha256 }
  memory_size        = 1024
  timeout            = 900 # the most that Lambda gives: it decides how large a file may be, see the README
  log_retention_days = var.log_retention_days
  alarm_ratios       = var.alarms.ratios
  statements         = local.ingest_statements

  environment = {
    BRONZE_TABLE   = aws_dynamodb_table.bronze.name
    ERASED_TABLE   = aws_dynamodb_table.erased.name
    RETENTION_DAYS = var.retention_days
  }
}

locals {
  ingest_statements = [
    { actions = ["s3:GetObject", "s3:GetObjectVersion"], resources = ["${module.landing.arn}/calls/*"] },
    # Nothing is listed: without this right S3 answers for an object that is gone as for a forbidden one.
    {
      actions   = ["s3:ListBucket"]
      resources = [module.landing.arn]
      condition = { StringLike = { "s3:prefix" = ["calls/*"] } }
    },
    { actions = ["s3:PutObject", "s3:AbortMultipartUpload"], resources = ["${module.landing.arn}/rejected/*"] },
    { actions = ["dynamodb:BatchWriteItem"], resources = [aws_dynamodb_table.bronze.arn] },
    { actions = ["dynamodb:BatchGetItem"], resources = [aws_dynamodb_table.erased.arn] },
    # Lambda sends an event that failed for good in the name of the function.
    { actions = ["sqs:SendMessage"], resources = [aws_sqs_queue.ingest_failed.arn] },
  ]
}

resource "aws_s3_bucket_notification" "landing" {
  bucket = module.landing.name

  lambda_function {
    id                  = "ingest"
    lambda_function_arn = module.ingest.alias.arn
    events              = ["s3:ObjectCreated:*"]
    filter_prefix       = "calls/"
  }

  # S3 refuses a function that it may not invoke, and an event without a version id would leave the order open.
  depends_on = [aws_lambda_permission.landing, module.landing]
}

resource "aws_lambda_permission" "landing" {
  statement_id   = "landing"
  action         = "lambda:InvokeFunction"
  function_name  = module.ingest.name
  qualifier      = module.ingest.alias.name
  principal      = "s3.amazonaws.com"
  source_arn     = module.landing.arn
  source_account = var.account_id
}

resource "aws_lambda_function_event_invoke_config" "ingest" {
  function_name                = module.ingest.name
  qualifier                    = module.ingest.alias.name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 6 * 60 * 60

  destination_config {
    on_failure {
      destination = aws_sqs_queue.ingest_failed.arn
    }
  }
}

resource "aws_sqs_queue" "ingest_failed" {
  name                      = local.queues["ingest-failed"].name
  policy                    = local.queues["ingest-failed"].policy
  message_retention_seconds = local.redrive_days * 24 * 60 * 60
  sqs_managed_sse_enabled   = true
}
