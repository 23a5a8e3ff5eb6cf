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

output "roles" {
  description = "ARNs of the roles for GitHub's jobs, null without a repository. As JSON (`terraform output -json roles`) the repository's variable `LOCKGATE_ROLES`."
  value = var.github_repository == null ? null : {
    plan     = module.plan[0].arn
    release  = module.release[0].arn
    drift    = module.drift[0].arn
    check    = { for environment, role in module.check : environment => role.arn }
    deploy   = { for environment, role in module.deploy : environment => role.arn }
    promote  = { for environment, role in module.promote : environment => role.arn }
    rollback = { for environment, role in module.rollback : environment => role.arn }
  }
}
