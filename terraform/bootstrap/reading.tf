# What the roles that run Terraform have in common: how things are configured, and Terraform's lock. Of data they read no
# more than Terraform's state and the ledger, never items of tables, landed calls, logs or secrets.

locals {
  arn = "arn:${data.aws_partition.current.partition}"

  # How things are configured, whosever they are. None of these gives away what is in them; what does is read by name below.
  reading = [
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
    "lambda:GetFunctionCodeSigningConfig",
    "lambda:GetFunctionConcurrency",
    "lambda:GetFunctionEventInvokeConfig",
    "lambda:GetPolicy",
    "lambda:ListEventSourceMappings", # the emulated AWS asks for it where AWS asks for GetEventSourceMapping
    "lambda:ListTags",
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

  # HTTP APIs alone: the rest of API Gateway holds keys and certificates. An API's id is AWS's.
  reading_apis = {
    actions   = ["apigateway:GET"]
    resources = [for path in ["apis", "apis/*", "tags/*"] : "${local.arn}:apigateway:${var.region}::/${path}"]
  }

  # These give a function's code and variables, so they are for ours.
  reading_functions = ["lambda:GetFunction", "lambda:GetFunctionConfiguration", "lambda:ListVersionsByFunction"]

  # Which release is where, and what is held.
  ledger_reading = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"]

  # Every root and every environment.
  reading_all = [
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
      actions   = local.ledger_reading
      resources = [for table in aws_dynamodb_table.releases : table.arn]
    },
    {
      actions   = local.reading
      resources = ["*"]
    },
    local.reading_apis,
    {
      actions   = local.reading_functions
      resources = flatten([for function in flatten(values(local.functions)) : [function, "${function}:*"]])
    },
    {
      # Whether a bucket is there is asked by listing it; the names of landed calls are not needed for that, but come along.
      actions   = ["s3:ListBucket"]
      resources = [module.artifacts.arn, "${local.arn}:s3:::${var.name_prefix}-landing-*"]
    },
  ]

  # Where an environment's root keeps its state, and what the lock table calls that: the digest of the state has an item
  # beside the lock.
  # https://developer.hashicorp.com/terraform/language/backend/s3
  state_keys = { for environment in var.environments : environment => "terraform/environments/${environment}/terraform.tfstate" }
  lock_ids   = { for environment, key in local.state_keys : environment => "${module.state.name}/${key}" }

  # One environment alone, the plan records included, but for its functions; how things are configured is read of all, because much of it AWS
  # gives by list, and every ledger, because a release may have come from another environment, which may take it out of service.
  reading_own = {
    for environment in var.environments : environment => [
      {
        actions   = ["s3:GetObject"]
        resources = ["${module.state.arn}/terraform/environments/${environment}/*", "${module.artifacts.arn}/plans/*"]
      },
      {
        actions = ["s3:ListBucket"]
        resources = [
          module.state.arn,
          module.artifacts.arn,
          "${local.arn}:s3:::${var.name_prefix}-landing-${environment}-${var.account_id}",
        ]
      },
      {
        actions   = local.ledger_reading
        resources = ["${local.arn}:dynamodb:${var.region}:${var.account_id}:table/lockgate_releases_*"]
      },
      {
        actions   = local.reading
        resources = ["*"]
      },
      local.reading_apis,
    ]
  }

  # Terraform's lock of one root: an item and an object.
  locking = {
    for environment, key in local.state_keys : environment => [
      {
        actions   = ["s3:DeleteObject", "s3:PutObject"]
        resources = ["${module.state.arn}/${key}.tflock"]
      },
      {
        # Every one of these calls names its key, so that "for all" lets nothing else in.
        actions    = ["dynamodb:DeleteItem", "dynamodb:PutItem"]
        resources  = [aws_dynamodb_table.state_lock.arn]
        conditions = { "ForAllValues:StringEquals" = { "dynamodb:LeadingKeys" = [local.lock_ids[environment]] } }
      },
      {
        actions    = ["dynamodb:GetItem"]
        resources  = [aws_dynamodb_table.state_lock.arn]
        conditions = { "ForAllValues:StringEquals" = { "dynamodb:LeadingKeys" = [local.lock_ids[environment], "${local.lock_ids[environment]}-md5"] } }
      },
    ]
  }
}
