output "api_url" {
  description = "Where the HTTP API answers."
  value       = aws_apigatewayv2_api.query.api_endpoint
}

output "health_url" {
  description = "What answers 200 while the service is well; the one open route."
  value       = "${aws_apigatewayv2_api.query.api_endpoint}/health"
}

output "api_id" {
  description = "Id of the HTTP API."
  value       = aws_apigatewayv2_api.query.id
}

output "landing_bucket" {
  description = "Bucket in which calls land, under `calls/`."
  value       = module.landing.name
}

output "functions" {
  description = "The functions by their stem: name, the version that was published last, role, and the alias that receives traffic."
  value = {
    for stem, function in { ingest = module.ingest, enrich = module.enrich, query = module.query } :
    stem => { name = function.name, version = function.version, role_arn = function.role_arn, alias_arn = function.alias.arn }
  }
}

output "tables" {
  description = "The tables' names by their stem."
  value = {
    bronze  = aws_dynamodb_table.bronze.name
    silver  = aws_dynamodb_table.silver.name
    counter = aws_dynamodb_table.counter.name
    erased  = aws_dynamodb_table.erased.name
  }
}

output "queues" {
  description = "The URLs of the queues of failed work, by the stem of the function whose work it is."
  value = {
    ingest = aws_sqs_queue.ingest_failed.url
    enrich = aws_sqs_queue.enrich_failed.url
  }
}

output "alarms" {
  description = "The names of the alarms: the environment's own, and each function's by its stem."
  value       = { environment = aws_cloudwatch_composite_alarm.environment.alarm_name, functions = local.alarms }
}
