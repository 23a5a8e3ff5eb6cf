# Which of the repository's GitHub jobs may do what here. A role is bound to a GitHub environment, which in turn says
# which branches reach it: an environment that anyone may deploy to opens its role to anyone who may push.

locals {
  # Without a repository nobody is let in, and nothing of this is made.
  github_environments = toset(var.github_repository == null ? [] : var.environments)
  github_provider_arn = try(coalesce(var.github_provider_arn, one(aws_iam_openid_connect_provider.github[*].arn)), "")
  functions           = "arn:${data.aws_partition.current.partition}:lambda:${var.region}:${var.account_id}:function"
}

resource "aws_iam_openid_connect_provider" "github" {
  # An account has one provider for an issuer; another stack may own it already.
  count = var.github_repository != null && var.github_provider_arn == null ? 1 : 0

  url            = var.github_issuer
  client_id_list = ["sts.amazonaws.com"]
}

# Moves aliases back, at night and without a review: so it may move aliases, and nothing else.
module "rollback" {
  source   = "../modules/github-oidc-role"
  for_each = local.github_environments

  name           = "rollback-${each.key}"
  description    = "lockgate rollback in ${each.key}, for jobs in the GitHub environment ${each.key}-rollback"
  provider_arn   = local.github_provider_arn
  repository     = var.github_repository
  repository_ids = var.github_repository_ids
  subjects       = ["environment:${each.key}-rollback"]

  statements = [
    {
      # A transaction is authorised by the actions that it holds.
      actions   = ["dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
      resources = [aws_dynamodb_table.releases[each.key].arn]
    },
    {
      # To warm a version that has become inactive, it is invoked with its probe event.
      actions = ["lambda:GetAlias", "lambda:GetFunction", "lambda:GetFunctionConfiguration", "lambda:InvokeFunction", "lambda:UpdateAlias"]
      resources = [
        "${local.functions}:*-${each.key}",
        "${local.functions}:*-${each.key}:*",
      ]
    },
  ]
}
