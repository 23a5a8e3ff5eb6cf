output "state_bucket" {
  description = "Bucket of Terraform's state: `LOCKGATE_STATE_BUCKET`."
  value       = module.state.name
}

output "lock_table" {
  description = "Terraform's lock table: `LOCKGATE_LOCK_TABLE`."
  value       = aws_dynamodb_table.state_lock.name
}

output "artifacts_bucket" {
  description = "Bucket of zips and plan records: the environments' `artifacts_bucket`."
  value       = module.artifacts.name
}

output "ledgers" {
  description = "Name of each environment's ledger table."
  value       = { for environment, table in aws_dynamodb_table.releases : environment => table.name }
}

output "repositories" {
  description = "URI of each image repository, to push to."
  value       = { for name, repository in aws_ecr_repository.this : name => repository.repository_url }
}

output "rollback_roles" {
  description = "ARN of each environment's rollback role: the variable `LOCKGATE_ROLLBACK_ROLE` of the GitHub environment <environment>-rollback."
  value       = { for environment, role in module.rollback : environment => role.arn }
}

output "plan_role" {
  description = "ARN of the role for plans of pull requests: the repository's variable `LOCKGATE_PLAN_ROLE`."
  value       = one(module.plan[*].arn)
}
