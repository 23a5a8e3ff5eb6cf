# Pins who may call the HTTP API and what each function's role may do. An open route or one action too many changes
# nothing that anybody sees.

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

run "closed_without_an_issuer_and_with_rights_for_its_work_only" {
  assert {
    condition     = aws_apigatewayv2_route.default.authorization_type == "AWS_IAM" && length(aws_apigatewayv2_authorizer.jwt) == 0
    error_message = "Without an issuer of tokens the API is not closed by AWS_IAM."
  }

  assert {
    condition     = aws_apigatewayv2_route.default.route_key == "$default" && aws_apigatewayv2_route.health.route_key == "GET /health" && aws_apigatewayv2_route.health.authorization_type == "NONE"
    error_message = "Another route than GET /health is open, or a path has no route."
  }

  assert {
    condition     = aws_lambda_permission.landing.qualifier == "live" && aws_lambda_permission.landing.source_account == "123456789012" && aws_lambda_permission.landing.source_arn == module.landing.arn
    error_message = "Another bucket, or another account's of the same name, could call ingest."
  }

  assert {
    condition     = aws_lambda_permission.api.qualifier == "live" && aws_lambda_permission.api.source_arn == "${aws_apigatewayv2_api.query.execution_arn}/*/*"
    error_message = "Another API could call query."
  }

  assert {
    condition = toset(values(jsondecode(aws_apigatewayv2_stage.default.access_log_settings[0].format))) == toset([
      "$context.requestId", "$context.requestTime", "$context.identity.sourceIp", "$context.httpMethod", "$context.routeKey",
      "$context.status", "$context.responseLength", "$context.responseLatency", "$context.authorizer.error", "$context.integrationErrorMessage",
    ])
    error_message = "The access log tells something that was not looked at: paths name calls, query strings clients."
  }

  assert {
    condition     = aws_apigatewayv2_stage.default.default_route_settings[0].throttling_rate_limit == 50 && aws_apigatewayv2_stage.default.default_route_settings[0].throttling_burst_limit == 100
    error_message = "The API takes more than it was told to."
  }

  assert {
    condition = { for statement in local.ingest_statements : join(" ", statement.resources) => join(" ", statement.actions) } == {
      "arn:aws:s3:::landing/calls/*"                            = "s3:GetObject s3:GetObjectVersion"
      "arn:aws:s3:::landing"                                    = "s3:ListBucket"
      "arn:aws:s3:::landing/rejected/*"                         = "s3:PutObject s3:AbortMultipartUpload"
      "arn:aws:dynamodb:eu-central-1:123456789012:table/bronze" = "dynamodb:BatchWriteItem"
      "arn:aws:dynamodb:eu-central-1:123456789012:table/erased" = "dynamodb:BatchGetItem"
      "arn:aws:sqs:eu-central-1:123456789012:ingest-failed"     = "sqs:SendMessage"
    }
    error_message = "The role of ingest is not what is written here: bring the code that needs the change along."
  }

  assert {
    condition = [
      for statement in concat(local.ingest_statements, local.enrich_statements, local.query_statements) :
      statement.condition if try(statement.condition, null) != null
    ] == [{ StringLike = { "s3:prefix" = ["calls/*"] } }]
    error_message = "Another right than listing calls/ depends on a condition, or that one does not."
  }

  assert {
    condition = { for statement in local.enrich_statements : join(" ", statement.resources) => join(" ", statement.actions) } == {
      "arn:aws:dynamodb:eu-central-1:123456789012:table/bronze/stream/now" = "dynamodb:GetRecords dynamodb:GetShardIterator dynamodb:DescribeStream dynamodb:ListStreams"
      "arn:aws:dynamodb:eu-central-1:123456789012:table/bronze"            = "dynamodb:DeleteItem"
      "arn:aws:dynamodb:eu-central-1:123456789012:table/silver"            = "dynamodb:GetItem dynamodb:BatchGetItem dynamodb:PutItem"
      "arn:aws:dynamodb:eu-central-1:123456789012:table/counter"           = "dynamodb:UpdateItem"
      "arn:aws:dynamodb:eu-central-1:123456789012:table/erased"            = "dynamodb:BatchGetItem dynamodb:ConditionCheckItem"
      "arn:aws:sqs:eu-central-1:123456789012:enrich-failed"                = "sqs:SendMessage"
    }
    error_message = "The role of enrich is not what is written here: bring the code that needs the change along."
  }

  assert {
    condition = { for statement in local.query_statements : join(" ", [for resource in statement.resources : trimprefix(resource, "arn:aws:dynamodb:eu-central-1:123456789012:table/")]) => join(" ", statement.actions) } == {
      "silver"                                                                         = "dynamodb:GetItem dynamodb:DeleteItem"
      "silver silver/index/by_client silver/index/by_day counter counter/index/by_day" = "dynamodb:Query"
      "counter"                                                                        = "dynamodb:UpdateItem"
      "bronze"                                                                         = "dynamodb:Query dynamodb:BatchWriteItem"
      "erased"                                                                         = "dynamodb:GetItem dynamodb:PutItem"
      "arn:aws:s3:::landing/calls/api/*"                                               = "s3:PutObject"
    }
    error_message = "The role of query is not what is written here: bring the code that needs the change along."
  }
}

run "with_an_issuer_tokens_are_checked" {
  variables {
    jwt_issuer   = "https://issuer.example"
    jwt_audience = ["calls"]
  }

  assert {
    condition     = aws_apigatewayv2_route.default.authorization_type == "JWT" && aws_apigatewayv2_route.default.authorizer_id == aws_apigatewayv2_authorizer.jwt[0].id
    error_message = "Tokens are not checked although issuer and audience are set."
  }

  assert {
    condition     = aws_apigatewayv2_authorizer.jwt[0].jwt_configuration[0].issuer == "https://issuer.example" && aws_apigatewayv2_authorizer.jwt[0].jwt_configuration[0].audience == toset(["calls"])
    error_message = "Tokens of another issuer or for another audience pass."
  }
}

run "an_issuer_needs_an_audience" {
  command = plan

  variables {
    jwt_issuer = "https://issuer.example"
  }

  expect_failures = [var.jwt_issuer]
}

run "an_audience_needs_an_issuer" {
  command = plan

  variables {
    jwt_audience = ["calls"]
  }

  expect_failures = [var.jwt_issuer]
}

run "an_empty_issuer_is_none_that_could_be_trusted" {
  command = plan

  variables {
    jwt_issuer   = ""
    jwt_audience = ["calls"]
  }

  expect_failures = [var.jwt_issuer]
}
