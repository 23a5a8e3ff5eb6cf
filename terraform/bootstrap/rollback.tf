# Moves aliases back, at night and without a review: so beside the ledger it may read the delivered functions, move their
# aliases, and invoke them. The last because a version that nobody called for weeks is inactive, and has to be warm before
# it gets all traffic. IAM sees no payload, so this is a right to give these three functions any event.
module "rollback" {
  source   = "../modules/github-oidc-role"
  for_each = local.github_environments

  name           = "rollback-${each.key}"
  description    = "lockgate rollback in ${each.key}, for jobs in the GitHub environment ${each.key}-rollback"
  provider_arn   = local.github_provider_arn
  repository     = var.github_repository
  repository_ids = var.github_repository_ids
  audience       = local.github_audience
  subjects       = ["environment:${each.key}-rollback"]
  ref            = local.github_ref
  statements     = local.moving[each.key]
}

locals {
  moving = {
    for environment in var.environments : environment => [
      {
        # A transaction is authorised by the actions that it holds. `status` and `unlock` list the holds, by a scan.
        actions   = ["dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Scan", "dynamodb:UpdateItem"]
        resources = [aws_dynamodb_table.releases[environment].arn]
      },
      {
        # The function, and its aliases and versions: names of functions hold no colon.
        actions   = ["lambda:GetAlias", "lambda:GetFunction", "lambda:GetFunctionConfiguration", "lambda:InvokeFunction", "lambda:UpdateAlias"]
        resources = flatten([for function in local.functions[environment] : [function, "${function}:*"]])
      },
    ]
  }
}
