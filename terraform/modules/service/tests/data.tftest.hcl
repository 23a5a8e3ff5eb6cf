# Pins what keeps calls from getting lost, and from staying longer than promised: deletion protection, recovery, queues
# of failed work, and the life cycle of what landed.

mock_provider "aws" {
  source = "./tests/mocks"
}

# Names that tell the tables, queues and buckets apart.
override_resource {
  target = aws_dynamodb_table.bronze
  values = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/bronze", stream_arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/bronze/stream/now" }
}

override_resource {
  target = aws_dynamodb_table.silver
  values = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/silver" }
}

override_resource {
  target = aws_dynamodb_table.counter
  values = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/counter" }
}

override_resource {
  target = aws_dynamodb_table.erased
  values = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/erased" }
}

override_resource {
  target = aws_sqs_queue.ingest_failed
  values = { arn = "arn:aws:sqs:eu-central-1:123456789012:ingest-failed", url = "https://sqs/ingest-failed" }
}

override_resource {
  target = aws_sqs_queue.enrich_failed
  values = { arn = "arn:aws:sqs:eu-central-1:123456789012:enrich-failed", url = "https://sqs/enrich-failed" }
}

override_resource {
  target = module.landing.aws_s3_bucket.this
  values = { id = "landing", arn = "arn:aws:s3:::landing" }
}

variables {
  environment            = "test"
  account_id             = "123456789012"
  region                 = "eu-central-1"
  name_prefix            = "lockgate"
  artifacts_bucket       = "lockgate-artifacts-123456789012"
  ingest_zip             = { key = "functions/ingest/1.zip", sha256 = "1111111111111111111111111111111111111111111111111111111111111111" }
  enrich_image           = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
  query_image            = "sha256:3333333333333333333333333333333333333333333333333333333333333333"
  protect                = true
  landing_retention_days = 30
  retention_days         = 0
  log_retention_days     = 14
  sla_seconds            = 600
  default_country        = "DE"
  jwt_issuer             = null
  jwt_audience           = []
  throttling             = { rate = 50, burst = 100 }
  alarms                 = { ratios = { failed = 0.05, rejected = 0.5 }, actions = [] }
}

run "nothing_is_lost_and_nothing_stays_longer_than_promised" {
  assert {
    condition = alltrue([
      for table in [aws_dynamodb_table.bronze, aws_dynamodb_table.silver, aws_dynamodb_table.counter, aws_dynamodb_table.erased] :
      table.deletion_protection_enabled && table.point_in_time_recovery[0].enabled && table.server_side_encryption[0].enabled
    ])
    error_message = "A table can be deleted, or not be recovered, or is not encrypted by a key of the account."
  }

  assert {
    condition     = aws_dynamodb_table.bronze.ttl[0].attribute_name == "expires_at" && aws_dynamodb_table.silver.ttl[0].attribute_name == "expires_at"
    error_message = "Calls stay in a table although they expired."
  }

  assert {
    condition     = !anytrue([for ttl in concat(aws_dynamodb_table.counter.ttl, aws_dynamodb_table.erased.ttl) : ttl.enabled])
    error_message = "Sums or tombstones expire: an erased call would come back."
  }

  assert {
    condition = {
      for rule in aws_s3_bucket_lifecycle_configuration.landing.rule :
      rule.filter[0].prefix => rule.expiration[0].days + rule.noncurrent_version_expiration[0].noncurrent_days if length(rule.expiration) > 0
    } == { "calls/" = 30, "rejected/" = 30 }
    error_message = "An object and its old versions stay longer than landing_retention_days, or shorter."
  }

  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_lifecycle_configuration.landing.rule :
      rule.noncurrent_version_expiration[0].noncurrent_days * 86400 >= aws_sqs_queue.ingest_failed.message_retention_seconds if length(rule.expiration) > 0
    ])
    error_message = "A redrive would find its object gone."
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.ingest.qualifier == "live" && aws_lambda_function_event_invoke_config.ingest.destination_config[0].on_failure[0].destination == aws_sqs_queue.ingest_failed.arn
    error_message = "A file that ingest could not take is lost after its last retry."
  }

  assert {
    condition = (
      aws_lambda_event_source_mapping.bronze.function_name == module.enrich.alias.arn
      && aws_lambda_event_source_mapping.bronze.function_response_types == toset(["ReportBatchItemFailures"])
      && aws_lambda_event_source_mapping.bronze.bisect_batch_on_function_error
      && aws_lambda_event_source_mapping.bronze.maximum_retry_attempts == -1
      && aws_lambda_event_source_mapping.bronze.maximum_record_age_in_seconds >= 6 * 3600
      && aws_lambda_event_source_mapping.bronze.maximum_record_age_in_seconds < 24 * 3600
      && aws_lambda_event_source_mapping.bronze.destination_config[0].on_failure[0].destination_arn == aws_sqs_queue.enrich_failed.arn
    )
    error_message = "Records that enrich could not take are lost in a fault of a few minutes, or block the stream until it has lost them itself."
  }

  assert {
    condition     = aws_sqs_queue.ingest_failed.sqs_managed_sse_enabled && aws_sqs_queue.enrich_failed.sqs_managed_sse_enabled
    error_message = "A queue is not encrypted."
  }
}

run "a_retention_shorter_than_the_redrive_and_code_without_a_digest_are_refused" {
  command = plan

  variables {
    landing_retention_days = 14
    enrich_image           = "latest"
    query_image            = "sha256:short"
  }

  expect_failures = [var.landing_retention_days, var.enrich_image, var.query_image]
}

run "the_clean_up_turns_protection_off" {
  variables {
    protect = false
  }

  assert {
    condition = !anytrue([
      for table in [aws_dynamodb_table.bronze, aws_dynamodb_table.silver, aws_dynamodb_table.counter, aws_dynamodb_table.erased] :
      table.deletion_protection_enabled
    ])
    error_message = "The clean-up would stop at a protected table."
  }
}
