# Pins that the environment's one alarm sees every alarm of every function, and is the one that tells people. A function
# left out of it would fail unheard.

mock_provider "aws" {
  source = "./tests/mocks"
}

# What the provider checks the shape of.
override_resource {
  target = module.landing.aws_s3_bucket.this
  values = { id = "landing", arn = "arn:aws:s3:::landing" }
}

override_resource {
  target = aws_dynamodb_table.bronze
  values = { arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/bronze", stream_arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/bronze/stream/now" }
}

override_resource {
  target = aws_sqs_queue.ingest_failed
  values = { arn = "arn:aws:sqs:eu-central-1:123456789012:ingest-failed", url = "https://sqs/ingest-failed" }
}

override_resource {
  target = aws_sqs_queue.enrich_failed
  values = { arn = "arn:aws:sqs:eu-central-1:123456789012:enrich-failed", url = "https://sqs/enrich-failed" }
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
  alarms                 = { ratios = { failed = 0.1, rejected = 0.2 }, actions = ["arn:aws:sns:eu-central-1:123456789012:told"] }
}

run "one_alarm_sees_them_all" {
  assert {
    condition = aws_cloudwatch_composite_alarm.environment.alarm_name == "lockgate-test" && toset(split(" OR ", aws_cloudwatch_composite_alarm.environment.alarm_rule)) == toset([
      for pair in setproduct(["ingest", "enrich", "query"], ["errors", "throttles", "failed", "rejected"]) : "ALARM(\"${pair[0]}-test-${pair[1]}\")"
    ])
    error_message = "An alarm of a function is not part of the environment's."
  }

  assert {
    condition     = output.alarms.environment == "lockgate-test" && length(flatten(values(output.alarms.functions))) == 12
    error_message = "The outputs leave an alarm out."
  }

  assert {
    condition     = aws_cloudwatch_composite_alarm.environment.alarm_actions == toset(var.alarms.actions) && aws_cloudwatch_composite_alarm.environment.ok_actions == toset(var.alarms.actions)
    error_message = "Nobody is told that the alarm fires, or that it is over."
  }

  assert {
    condition = {
      for alarm in concat(values(aws_cloudwatch_metric_alarm.waiting), [aws_cloudwatch_metric_alarm.behind]) :
      alarm.alarm_name => "${alarm.metric_name} ${join(" ", values(alarm.dimensions))}"
      } == {
      "ingest-failed-test-waiting" = "ApproximateNumberOfMessagesVisible ingest-failed-test"
      "enrich-failed-test-waiting" = "ApproximateNumberOfMessagesVisible enrich-failed-test"
      "enrich-test-behind"         = "IteratorAge enrich-test enrich-test:live"
    }
    error_message = "Work that waits for a person, or falls behind, is not watched."
  }

  assert {
    condition = alltrue([
      for alarm in concat(values(aws_cloudwatch_metric_alarm.waiting), [aws_cloudwatch_metric_alarm.behind]) :
      alarm.alarm_actions == toset(var.alarms.actions) && alarm.treat_missing_data == "notBreaching"
      && !strcontains(aws_cloudwatch_composite_alarm.environment.alarm_rule, alarm.alarm_name)
    ])
    error_message = "Waiting work tells nobody, fires in silence, or stands in the way of promotions."
  }
}
