# `enrich`: every new item of the bronze table refines the silver table and the counters.

module "enrich" {
  source = "../function"

  name               = "enrich-${var.environment}"
  image              = "${local.registry}/enrich@${var.enrich_image}"
  memory_size        = 512
  timeout            = 60
  log_retention_days = var.log_retention_days
  alarm_ratios       = var.alarms.ratios
  statements         = local.enrich_statements

  environment = {
    BRONZE_TABLE          = aws_dynamodb_table.bronze.name
    SILVER_TABLE          = aws_dynamodb_table.silver.name
    COUNTER_TABLE         = aws_dynamodb_table.counter.name
    ERASED_TABLE          = aws_dynamodb_table.erased.name
    DEAD_LETTER_QUEUE_URL = aws_sqs_queue.enrich_failed.url
    SLA_SECONDS           = var.sla_seconds
    DEFAULT_COUNTRY       = var.default_country
  }
}

locals {
  enrich_statements = [
    {
      actions   = ["dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream", "dynamodb:ListStreams"]
      resources = [aws_dynamodb_table.bronze.stream_arn]
    },
    { actions = ["dynamodb:DeleteItem"], resources = [aws_dynamodb_table.bronze.arn] },
    # A transaction needs the rights of the single writes and checks that it is made of.
    {
      actions   = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem"]
      resources = [aws_dynamodb_table.silver.arn]
    },
    { actions = ["dynamodb:UpdateItem"], resources = [aws_dynamodb_table.counter.arn] },
    { actions = ["dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem"], resources = [aws_dynamodb_table.erased.arn] },
    # Its own messages, and those that Lambda sends in its name when retries are used up.
    { actions = ["sqs:SendMessage"], resources = [aws_sqs_queue.enrich_failed.arn] },
  ]
}

# A record that `enrich` can never write it sends away itself. What still fails is a fault of AWS or of ours, which a few
# quick retries do not outlast, and every record given up would be a hole in silver: so a batch is retried as long as its
# records are young. Bisecting and partial answers keep what works going; only what stands behind the failing record in
# its own shard waits, as the order wants. After half of the 24 hours that the stream keeps a record it is given up, so
# that there is time to look up which it was: docs/runbook.md.
resource "aws_lambda_event_source_mapping" "bronze" {
  event_source_arn                   = aws_dynamodb_table.bronze.stream_arn
  function_name                      = module.enrich.alias.arn
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = 100
  maximum_batching_window_in_seconds = 1
  maximum_retry_attempts             = -1 # no limit but the age
  maximum_record_age_in_seconds      = 12 * 60 * 60
  bisect_batch_on_function_error     = true
  function_response_types            = ["ReportBatchItemFailures"]

  # What expires or is erased is no news.
  filter_criteria {
    filter {
      pattern = jsonencode({ eventName = ["INSERT", "MODIFY"] })
    }
  }

  destination_config {
    on_failure {
      destination_arn = aws_sqs_queue.enrich_failed.arn
    }
  }
}

resource "aws_sqs_queue" "enrich_failed" {
  name                      = local.queues["enrich-failed"].name
  policy                    = local.queues["enrich-failed"].policy
  message_retention_seconds = local.redrive_days * 24 * 60 * 60
  sqs_managed_sse_enabled   = true
}
