# Pins what makes a function deliverable: every change is a version, traffic moves only by promote and rollback, the
# role holds what it was given and its own log, and the code comes from exactly one place. A function that loses one of
# these still works, until the day of the first rollback.

mock_provider "aws" {
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/ingest-test" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/ingest-test" }
  }
  mock_resource "aws_lambda_function" {
    defaults = { version = "7" }
  }
}

variables {
  name = "ingest-test"
  zip  = { bucket = "artifacts", key = "functions/ingest/ab.zip", sha256 = "ab" }
  statements = [
    { actions = ["dynamodb:GetItem"], resources = ["arn:aws:dynamodb:eu-central-1:123456789012:table/erased"] },
    { actions = ["s3:ListBucket"], resources = ["arn:aws:s3:::landing"], condition = { StringLike = { "s3:prefix" = ["calls/*"] } } },
  ]
  environment        = { ERASED_TABLE = "erased" }
  memory_size        = 256
  timeout            = 30
  log_retention_days = 14
  alarm_ratios       = { failed = 0.05, rejected = 0.5 }
}

run "a_zip_is_published_behind_the_alias" {
  assert {
    condition     = aws_lambda_function.this.publish && aws_lambda_alias.live.name == "live" && aws_lambda_alias.live.function_version == "7"
    error_message = "The alias does not start at the version that was published."
  }

  assert {
    condition     = aws_lambda_function.this.package_type == "Zip" && aws_lambda_function.this.runtime == "provided.al2023" && aws_lambda_function.this.source_code_hash == "ab"
    error_message = "A zip does not run as such, or its hash does not decide about a new version."
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.name == "/aws/lambda/ingest-test" && aws_cloudwatch_log_group.this.retention_in_days == 14
    error_message = "The function does not log to its own group, or the log is kept for another time than asked for."
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.this.policy).Statement == [
      { Effect = "Allow", Action = ["dynamodb:GetItem"], Resource = ["arn:aws:dynamodb:eu-central-1:123456789012:table/erased"] },
      { Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::landing"], Condition = { StringLike = { "s3:prefix" = ["calls/*"] } } },
      {
        Effect = "Allow"
        Action = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = [
          "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/ingest-test",
          "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/ingest-test:*",
        ]
      },
    ]
    error_message = "The role may do something else than it was given and writing its own log."
  }
}

run "another_version_leaves_the_alias_where_it_is" {
  # A mock keeps the version over an update; only a new function gets another one.
  plan_options {
    replace = [aws_lambda_function.this]
  }

  override_resource {
    target = aws_lambda_function.this
    values = { version = "8" }
  }

  assert {
    condition     = aws_lambda_function.this.version == "8" && aws_lambda_alias.live.function_version == "7"
    error_message = "Terraform moved traffic: only promote and rollback may."
  }
}

run "an_image_runs_as_its_digest" {
  state_key = "image"

  variables {
    zip   = null
    image = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/enrich@sha256:ab"
  }

  assert {
    condition     = aws_lambda_function.this.package_type == "Image" && aws_lambda_function.this.image_uri == var.image && aws_lambda_function.this.handler == null
    error_message = "An image does not run as such."
  }
}

run "code_comes_from_somewhere" {
  command = plan

  variables {
    zip = null
  }

  expect_failures = [var.image]
}

run "code_comes_from_one_place" {
  command = plan

  variables {
    image = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/enrich@sha256:ab"
  }

  expect_failures = [var.image]
}

run "alarms_watch_the_alias_and_outlast_a_version" {
  assert {
    condition     = toset(output.alarms) == toset(["ingest-test-errors", "ingest-test-throttles", "ingest-test-failed", "ingest-test-rejected"])
    error_message = "Another set of alarms than errors, throttles, failed and rejected."
  }

  assert {
    condition = alltrue([
      for alarm in aws_cloudwatch_metric_alarm.count :
      alarm.namespace == "AWS/Lambda" && alarm.statistic == "Sum" && alarm.threshold == 0 && alarm.dimensions == tomap({ FunctionName = "ingest-test", Resource = "ingest-test:live" })
    ])
    error_message = "An alarm on Lambda's own counts does not watch the traffic of the alias."
  }

  # A metric that is named by a version would leave the alarm without data after the next release.
  assert {
    condition = alltrue(flatten([
      for alarm in aws_cloudwatch_metric_alarm.ratio : [
        for query in alarm.metric_query : query.metric[0].namespace == "Lockgate" && query.metric[0].dimensions == tomap({ FunctionName = "ingest-test" }) if query.expression == null
      ]
    ]))
    error_message = "An alarm on the function's own counts does not watch all its versions."
  }

  assert {
    condition = { for name, alarm in aws_cloudwatch_metric_alarm.ratio : name => {
      above  = alarm.threshold
      judged = [for query in alarm.metric_query : query.expression if query.return_data == true]
      } } == {
      failed   = { above = 0.05, judged = ["IF(total > 0, failed / total, 0)"] }
      rejected = { above = 0.5, judged = ["IF(total > 20, rejected / total, 0)"] }
    }
    error_message = "An alarm judges another share than the one it is named after, or a few wrong requests make it fire."
  }

  # Nothing to do is no failure, and the rejected work of an hour ago none of now.
  assert {
    condition = alltrue([
      for alarm in concat(values(aws_cloudwatch_metric_alarm.count), values(aws_cloudwatch_metric_alarm.ratio)) :
      alarm.treat_missing_data == "notBreaching" && alarm.datapoints_to_alarm == 2 && alarm.evaluation_periods == 5
    ])
    error_message = "An alarm fires in silence, or at a single bad minute."
  }
}

run "a_share_of_one_would_never_fire" {
  command = plan

  variables {
    alarm_ratios = { failed = 1, rejected = 0.5 }
  }

  expect_failures = [var.alarm_ratios]
}
