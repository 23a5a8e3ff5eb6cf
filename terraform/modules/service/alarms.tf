# One alarm for the environment: any alarm of any function. It tells people, once, and names the alarms behind it;
# `promote` watches it, and takes a release back when it fires.

locals {
  alarms = { ingest = module.ingest.alarms, enrich = module.enrich.alarms, query = module.query.alarms }
}

resource "aws_cloudwatch_composite_alarm" "environment" {
  alarm_name        = "lockgate-${var.environment}"
  alarm_description = "An alarm of a function of ${var.environment} fires."
  alarm_rule        = join(" OR ", [for name in flatten(values(local.alarms)) : "ALARM(\"${name}\")"])
  alarm_actions     = var.alarms.actions
  ok_actions        = var.alarms.actions
}

# Work that waits for a person, or falls behind. These tell people themselves and are no part of the environment's alarm:
# a letter that was left lying for its 14 days would stand in the way of every promotion, also of the one that mends the
# cause, and says nothing about the release that is being promoted.
locals {
  waiting = {
    "${aws_sqs_queue.ingest_failed.name}-waiting" = { queue = aws_sqs_queue.ingest_failed.name, what = "files that ingest could not take in" }
    "${aws_sqs_queue.enrich_failed.name}-waiting" = { queue = aws_sqs_queue.enrich_failed.name, what = "records that enrich could not write" }
  }
}

resource "aws_cloudwatch_metric_alarm" "waiting" {
  for_each = local.waiting

  alarm_name          = each.key
  alarm_description   = "The queue ${each.value.queue} holds ${each.value.what}: docs/runbook.md says what to do with them."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = each.value.queue }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching" # a queue that nobody used for hours reports nothing
  alarm_actions       = var.alarms.actions
  ok_actions          = var.alarms.actions
}

resource "aws_cloudwatch_metric_alarm" "behind" {
  alarm_name          = "enrich-${var.environment}-behind"
  alarm_description   = "For a quarter of an hour enrich was given records older than that: its log says what fails. After 12 hours they are given up."
  namespace           = "AWS/Lambda"
  metric_name         = "IteratorAge"
  dimensions          = { FunctionName = module.enrich.name, Resource = "${module.enrich.name}:${module.enrich.alias.name}" }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 15 * 60 * 1000
  period              = 300
  evaluation_periods  = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarms.actions
  ok_actions          = var.alarms.actions
}
