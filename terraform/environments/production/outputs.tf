output "api_url" {
  description = "Where the HTTP API answers."
  value       = module.service.api_url
}

output "health_url" {
  description = "What answers 200 while the service is well: `lockgate promote` asks it."
  value       = module.service.health_url
}

output "api_id" {
  description = "Id of the HTTP API."
  value       = module.service.api_id
}

output "landing_bucket" {
  description = "Bucket in which calls land, under `calls/`."
  value       = module.service.landing_bucket
}

output "functions" {
  description = "The functions by their stem: name, the version that was published last, role, and the alias that receives traffic."
  value       = module.service.functions
}

output "tables" {
  description = "The tables' names by their stem."
  value       = module.service.tables
}

output "queues" {
  description = "The URLs of the queues of failed work, by the stem of the function whose work it is."
  value       = module.service.queues
}

output "alarms" {
  description = "The names of the alarms: the environment's own, and each function's by its stem."
  value       = module.service.alarms
}
