output "name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "role_arn" {
  description = "ARN of the role that the function runs as."
  value       = aws_iam_role.this.arn
}

# Whatever invokes the alias starts with a role that already may do its work.
output "alias" {
  description = "The alias that receives traffic: its name, its ARN, and the ARN by which API Gateway invokes it."
  value = {
    name       = aws_lambda_alias.live.name
    arn        = aws_lambda_alias.live.arn
    invoke_arn = aws_lambda_alias.live.invoke_arn
  }
  depends_on = [aws_iam_role_policy.this]
}

output "alarms" {
  description = "The names of the function's alarms."
  value = concat(
    [for alarm in aws_cloudwatch_metric_alarm.count : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.ratio : alarm.alarm_name],
  )
}

output "version" {
  description = "The version that was published last."
  value       = aws_lambda_function.this.version
}
