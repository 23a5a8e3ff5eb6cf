# The function's alarms: Lambda's own counts of what went through the alias, and shares of the function's own counts. The
# latter because a partial batch failure, a 5xx answer and a rejected record are successful invocations to Lambda.

locals {
  # Where the function's own metrics are: the namespace in lockgate.toml.
  namespace = "Lockgate"

  # One bad minute happens by chance. A minute without work is a good one: nothing is reported for it.
  alarm = {
    period              = 60
    evaluation_periods  = 5
    datapoints_to_alarm = 2
    treat_missing_data  = "notBreaching"
  }

  # Of each: above which share it fires, and of how much work in a minute at least. What fails is our own doing, however
  # little there is of it. What is rejected is the senders', and a few wrong requests or one small bad file say nothing
  # about a release.
  ratios = {
    failed   = { above = var.alarm_ratios.failed, more_than = 0 }
    rejected = { above = var.alarm_ratios.rejected, more_than = 20 }
  }
}

resource "aws_cloudwatch_metric_alarm" "count" {
  for_each = { errors = "Errors", throttles = "Throttles" }

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "Lambda counted ${each.key} of ${var.name}: its log group /aws/lambda/${var.name} says why."
  namespace           = "AWS/Lambda"
  metric_name         = each.value
  dimensions          = { FunctionName = var.name, Resource = "${var.name}:${aws_lambda_alias.live.name}" }
  statistic           = "Sum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = local.alarm.period
  evaluation_periods  = local.alarm.evaluation_periods
  datapoints_to_alarm = local.alarm.datapoints_to_alarm
  treat_missing_data  = local.alarm.treat_missing_data
}

resource "aws_cloudwatch_metric_alarm" "ratio" {
  for_each = local.ratios

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "More than ${each.value.above} of what ${var.name} was given was ${each.key}: its log says which, and why."
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.above
  evaluation_periods  = local.alarm.evaluation_periods
  datapoints_to_alarm = local.alarm.datapoints_to_alarm
  treat_missing_data  = local.alarm.treat_missing_data

  metric_query {
    id          = "ratio"
    label       = "${each.key}, of all"
    expression  = "IF(total > ${each.value.more_than}, ${each.key} / total, 0)"
    return_data = true
  }

  metric_query {
    id         = "total"
    expression = "handled + failed + rejected"
  }

  # Every line of metrics has all three, so that none of them is missing where another is not.
  dynamic "metric_query" {
    for_each = toset(["Handled", "Failed", "Rejected"])

    content {
      id = lower(metric_query.key)

      metric {
        namespace   = local.namespace
        metric_name = metric_query.key
        dimensions  = { FunctionName = var.name }
        stat        = "Sum"
        period      = local.alarm.period
      }
    }
  }
}
