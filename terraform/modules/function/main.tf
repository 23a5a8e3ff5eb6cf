# One Lambda function: its role, its log group, a version for every change, and the alias that receives traffic.

resource "aws_iam_role" "this" {
  name = var.name
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name   = var.name
  role   = aws_iam_role.this.id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.statements })
}

locals {
  # Making a stream is a right on the group, writing to it one on the stream, whose name only Lambda knows.
  logs = {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = [aws_cloudwatch_log_group.this.arn, "${aws_cloudwatch_log_group.this.arn}:*"]
  }
  statements = [
    for statement in concat(var.statements, [local.logs]) : merge(
      { Effect = "Allow", Action = statement.actions, Resource = statement.resources },
      try(statement.condition, null) == null ? {} : { Condition = statement.condition },
    )
  ]
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
}

resource "aws_lambda_function" "this" {
  function_name = var.name
  role          = aws_iam_role.this.arn
  architectures = ["x86_64"]
  memory_size   = var.memory_size
  timeout       = var.timeout
  # Without a version per change there is nothing to go back to.
  publish = true

  package_type     = var.zip == null ? "Image" : "Zip"
  image_uri        = var.image
  s3_bucket        = try(var.zip.bucket, null)
  s3_key           = try(var.zip.key, null)
  source_code_hash = try(var.zip.sha256, null)
  runtime          = var.zip == null ? null : "provided.al2023"
  handler          = var.zip == null ? null : "bootstrap"

  environment {
    variables = var.environment
  }

  # Lambda would make a group without retention at the first invocation.
  depends_on = [aws_cloudwatch_log_group.this]
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version

  lifecycle {
    # `lockgate promote` and `lockgate rollback` alone move traffic.
    ignore_changes = [function_version, routing_config]
  }
}
