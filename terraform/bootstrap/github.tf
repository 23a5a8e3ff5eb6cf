# Which of the repository's GitHub jobs may do what here. A role is bound to a GitHub environment, which in turn says
# which branches reach it: an environment that anyone may deploy to opens its role to anyone who may push.

locals {
  # Without a repository nobody is let in, and nothing of this is made.
  github_environments = toset(var.github_repository == null ? [] : var.environments)
  github_provider_arn = try(coalesce(var.github_provider_arn, one(aws_iam_openid_connect_provider.github[*].arn)), "")

  # What is delivered, as lockgate.toml names it, in each environment: `<stem>-<environment>`. Named one by one, because
  # another function of the account may end like an environment, too.
  stems = ["ingest", "enrich", "query"]
  functions = {
    for environment in var.environments : environment => [
      for stem in local.stems : "arn:${data.aws_partition.current.partition}:lambda:${var.region}:${var.account_id}:function:${stem}-${environment}"
    ]
  }
}

resource "aws_iam_openid_connect_provider" "github" {
  # An account has one provider for an issuer; another stack may own it already.
  count = var.github_repository != null && var.github_provider_arn == null ? 1 : 0

  url            = var.github_issuer
  client_id_list = ["sts.amazonaws.com"]
}
