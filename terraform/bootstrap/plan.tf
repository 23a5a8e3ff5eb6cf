# Plans for pull requests, whose author decides what runs in the job: so it only reads, and of data no more than Terraform's
# state and the ledger, never items of tables, landed calls, logs or secrets. It takes no lock.
module "plan" {
  source = "../modules/github-oidc-role"
  count  = var.github_repository == null ? 0 : 1

  name           = "plan"
  description    = "lockgate plan, for pull requests from branches of the repository"
  provider_arn   = local.github_provider_arn
  repository     = var.github_repository
  repository_ids = var.github_repository_ids
  subjects       = ["pull_request"]

  statements = [
    {
      # The state, which holds no secret: what would be one is made outside of Terraform.
      actions   = ["s3:GetObject"]
      resources = ["${module.state.arn}/terraform/*"]
    },
    {
      actions   = ["s3:ListBucket"]
      resources = [module.state.arn]
    },
    {
      # The state's digest, which its backend keeps beside the locks.
      actions   = ["dynamodb:GetItem"]
      resources = [aws_dynamodb_table.state_lock.arn]
    },
    {
      # Which release is where, and what is held.
      actions   = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"]
      resources = [for table in aws_dynamodb_table.releases : table.arn]
    },
    {
      # How things are configured. None of these gives away what is in them.
      actions = [
        "apigateway:GET",
        "cloudwatch:DescribeAlarms",
        "cloudwatch:ListTagsForResource",
        "dynamodb:DescribeContinuousBackups",
        "dynamodb:DescribeTable",
        "dynamodb:DescribeTimeToLive",
        "dynamodb:ListTagsOfResource",
        "ecr:DescribeImages",
        "ecr:DescribeRepositories",
        "ecr:GetLifecyclePolicy",
        "ecr:GetRepositoryPolicy",
        "ecr:ListTagsForResource",
        "iam:GetOpenIDConnectProvider",
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:ListAttachedRolePolicies",
        "iam:ListOpenIDConnectProviderTags",
        "iam:ListRolePolicies",
        "iam:ListRoleTags",
        "lambda:GetAlias",
        "lambda:GetEventSourceMapping",
        "lambda:GetFunction",
        "lambda:GetFunctionCodeSigningConfig",
        "lambda:GetFunctionConcurrency",
        "lambda:GetFunctionConfiguration",
        "lambda:GetFunctionEventInvokeConfig",
        "lambda:GetPolicy",
        "lambda:ListEventSourceMappings", # the emulated AWS asks for it where AWS asks for GetEventSourceMapping
        "lambda:ListTags",
        "lambda:ListVersionsByFunction",
        "logs:DescribeLogGroups",
        "logs:ListTagsForResource",
        "s3:GetAccelerateConfiguration",
        "s3:GetBucket*",
        "s3:GetEncryptionConfiguration",
        "s3:GetLifecycleConfiguration",
        "s3:GetReplicationConfiguration",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:ListQueueTags",
      ]
      resources = ["*"]
    },
    {
      # Whether a bucket is there is asked by listing it; the names of landed calls are not needed for that, but come along.
      actions   = ["s3:ListBucket"]
      resources = [module.artifacts.arn, "arn:${data.aws_partition.current.partition}:s3:::${var.name_prefix}-landing-*"]
    },
  ]
}
