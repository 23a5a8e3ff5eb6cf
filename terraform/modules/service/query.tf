# `query`: the HTTP API.

module "query" {
  source = "../function"

  name               = "query-${var.environment}"
  image              = "${local.registry}/query@${var.query_image}"
  memory_size        = 512
  timeout            = 29 # API Gateway gives up after 30
  log_retention_days = var.log_retention_days
  alarm_ratios       = var.alarms.ratios
  statements         = local.query_statements

  environment = {
    BRONZE_TABLE           = aws_dynamodb_table.bronze.name
    SILVER_TABLE           = aws_dynamodb_table.silver.name
    COUNTER_TABLE          = aws_dynamodb_table.counter.name
    ERASED_TABLE           = aws_dynamodb_table.erased.name
    LANDING_BUCKET         = module.landing.name
    LANDING_RETENTION_DAYS = var.landing_retention_days
  }
}

locals {
  query_statements = [
    { actions = ["dynamodb:GetItem", "dynamodb:DeleteItem"], resources = [aws_dynamodb_table.silver.arn] },
    {
      actions = ["dynamodb:Query"]
      resources = [
        aws_dynamodb_table.silver.arn,
        "${aws_dynamodb_table.silver.arn}/index/by_client",
        "${aws_dynamodb_table.silver.arn}/index/by_day",
        aws_dynamodb_table.counter.arn,
        "${aws_dynamodb_table.counter.arn}/index/by_day",
      ]
    },
    { actions = ["dynamodb:UpdateItem"], resources = [aws_dynamodb_table.counter.arn] },
    {
      actions   = ["dynamodb:Query", "dynamodb:BatchWriteItem"]
      resources = [aws_dynamodb_table.bronze.arn]
    },
    { actions = ["dynamodb:GetItem", "dynamodb:PutItem"], resources = [aws_dynamodb_table.erased.arn] },
    { actions = ["s3:PutObject"], resources = ["${module.landing.arn}/calls/api/*"] },
  ]
}

resource "aws_apigatewayv2_api" "query" {
  name          = "query-${var.environment}"
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_integration" "query" {
  api_id                 = aws_apigatewayv2_api.query.id
  integration_type       = "AWS_PROXY"
  integration_uri        = module.query.alias.invoke_arn
  payload_format_version = "2.0"
  timeout_milliseconds   = 30000
}

resource "aws_apigatewayv2_authorizer" "jwt" {
  count = var.jwt_issuer == null ? 0 : 1

  api_id           = aws_apigatewayv2_api.query.id
  name             = "jwt"
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration {
    issuer   = var.jwt_issuer
    audience = var.jwt_audience
  }

  lifecycle {
    # The other way round, going back to AWS_IAM would delete what the route still names.
    create_before_destroy = true
  }
}

# Every path that has no route of its own, so that a new path of `query` is never open by oversight.
resource "aws_apigatewayv2_route" "default" {
  api_id             = aws_apigatewayv2_api.query.id
  route_key          = "$default"
  target             = "integrations/${aws_apigatewayv2_integration.query.id}"
  authorization_type = var.jwt_issuer == null ? "AWS_IAM" : "JWT"
  authorizer_id      = one(aws_apigatewayv2_authorizer.jwt[*].id)
}

resource "aws_apigatewayv2_route" "health" {
  api_id             = aws_apigatewayv2_api.query.id
  route_key          = "GET /health"
  target             = "integrations/${aws_apigatewayv2_integration.query.id}"
  authorization_type = "NONE"
}

resource "aws_apigatewayv2_stage" "default" {
  api_id      = aws_apigatewayv2_api.query.id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    throttling_burst_limit = var.throttling.burst
    throttling_rate_limit  = var.throttling.rate
  }

  # The route, not the path and not the request line: a path names a call, a query string may name clients.
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.api.arn
    format = jsonencode({
      requestId        = "$context.requestId"
      requestTime      = "$context.requestTime"
      sourceIp         = "$context.identity.sourceIp"
      httpMethod       = "$context.httpMethod"
      routeKey         = "$context.routeKey"
      status           = "$context.status"
      responseLength   = "$context.responseLength"
      responseLatency  = "$context.responseLatency"
      authorizerError  = "$context.authorizer.error"
      integrationError = "$context.integrationErrorMessage"
    })
  }
}

resource "aws_cloudwatch_log_group" "api" {
  name              = "/aws/apigateway/query-${var.environment}"
  retention_in_days = var.log_retention_days
}

resource "aws_lambda_permission" "api" {
  statement_id  = "api"
  action        = "lambda:InvokeFunction"
  function_name = module.query.name
  qualifier     = module.query.alias.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.query.execution_arn}/*/*"
}
