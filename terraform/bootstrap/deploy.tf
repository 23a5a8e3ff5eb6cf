# Applies an environment's root: makes, changes and destroys what terraform/modules/service names, and records in the ledger
# what Terraform published. It reads none of the service's data, moves no alias and frees no hold.
#
# Its strongest rights are those on the functions' roles: by iam:PutRolePolicy, and code of its own in a function, a job could
# do whatever a role in this account can be given; by iam:DeleteRole and iam:CreateRole it could make such a role anew, trusting
# anybody. What stands before them is the review of the plan, not IAM; a permissions boundary on those roles would put IAM before
# the first, too. Whom a role trusts never changes, so iam:UpdateAssumeRolePolicy is none of them.
module "deploy" {
  source   = "../modules/github-oidc-role"
  for_each = local.github_environments

  name           = "deploy-${each.key}"
  description    = "lockgate apply in ${each.key}, for jobs in the GitHub environment ${join(" or ", local.applying[each.key])}"
  provider_arn   = local.github_provider_arn
  repository     = var.github_repository
  repository_ids = var.github_repository_ids
  audience       = local.github_audience
  subjects       = [for name in local.applying[each.key] : "environment:${name}"]
  ref            = local.github_ref

  # As long as deploy.yml's job may take, and 10 minutes: an apply whose credentials end leaves its state unwritten.
  max_session_duration = 6000

  statements = concat(
    local.reading_own[each.key],
    local.locking[each.key],
    local.recording[each.key],
    local.deploying[each.key],
    local.deploying_unnamed[each.key],
  )
}

locals {
  # The GitHub environments whose jobs apply. No name is trusted that nobody makes and `lockgate check` looks at: GitHub makes
  # an environment that a job names and that is not there, open to every branch.
  applying = {
    for environment in var.environments : environment => concat(
      [environment], contains(var.always_approved, environment) ? [] : ["${environment}-approval"],
    )
  }

  # Every name that modules/service gives, in each environment. A pattern such as `*_staging` would reach the ledger.
  owned = {
    for environment in var.environments : environment => {
      tables = [
        for stem in ["bronze_call", "counter_call", "erased_call", "silver_call"] :
        "${local.arn}:dynamodb:${var.region}:${var.account_id}:table/${stem}_${environment}"
      ]
      queues = [
        for stem in ["enrich-failed", "ingest-failed"] :
        "${local.arn}:sqs:${var.region}:${var.account_id}:${stem}-${environment}"
      ]
      roles = [for stem in local.stems : "${local.arn}:iam::${var.account_id}:role/${stem}-${environment}"]
      logs = flatten([
        for name in concat([for stem in local.stems : "/aws/lambda/${stem}-${environment}"], ["/aws/apigateway/query-${environment}"]) : [
          "${local.arn}:logs:${var.region}:${var.account_id}:log-group:${name}",
          "${local.arn}:logs:${var.region}:${var.account_id}:log-group:${name}:*",
        ]
      ])
      alarms = [
        for name in concat(
          [for stem in local.stems : "${stem}-${environment}-*"],
          ["enrich-failed-${environment}-waiting", "ingest-failed-${environment}-waiting", "lockgate-${environment}"],
        ) : "${local.arn}:cloudwatch:${var.region}:${var.account_id}:alarm:${name}"
      ]
      landing = "${local.arn}:s3:::${var.name_prefix}-landing-${environment}-${var.account_id}"
      # What AWS names itself is told by the tag that every root gives. Where AWS gives a request no tag of the resource,
      # this holds nothing back: there, only another account would.
      tagged = { StringEqualsIfExists = { "aws:ResourceTag/root" = ["terraform/environments/${environment}"] } }
    }
  }

  # The state that an apply leaves, and the ledger: the lock of applies, and the versions of a release.
  recording = {
    for environment, key in local.state_keys : environment => [
      {
        actions   = ["s3:PutObject"]
        resources = ["${module.state.arn}/${key}"]
      },
      {
        # The digest of the state.
        actions    = ["dynamodb:PutItem"]
        resources  = [aws_dynamodb_table.state_lock.arn]
        conditions = { "ForAllValues:StringEquals" = { "dynamodb:LeadingKeys" = ["${local.lock_ids[environment]}-md5"] } }
      },
      {
        actions    = ["dynamodb:PutItem", "dynamodb:UpdateItem"]
        resources  = [aws_dynamodb_table.releases[environment].arn]
        conditions = { "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = ["lock/apply", "r*"] } }
      },
      {
        actions    = ["dynamodb:DeleteItem"]
        resources  = [aws_dynamodb_table.releases[environment].arn]
        conditions = { "ForAllValues:StringEquals" = { "dynamodb:LeadingKeys" = ["lock/apply"] } }
      },
    ]
  }

  deploying = {
    for environment, owned in local.owned : environment => [
      {
        # No UpdateAlias: traffic is moved by promote and rollback.
        actions = concat(local.reading_functions, [
          "lambda:AddPermission",
          "lambda:CreateAlias",
          "lambda:CreateFunction",
          "lambda:DeleteAlias",
          "lambda:DeleteFunction",
          "lambda:DeleteFunctionEventInvokeConfig",
          "lambda:PublishVersion",
          "lambda:PutFunctionEventInvokeConfig",
          "lambda:RemovePermission",
          "lambda:TagResource",
          "lambda:UntagResource",
          "lambda:UpdateFunctionCode",
          "lambda:UpdateFunctionConfiguration",
          "lambda:UpdateFunctionEventInvokeConfig",
        ])
        resources = flatten([for function in local.functions[environment] : [function, "${function}:*"]])
      },
      {
        # Lambda reads a function's code in the name of whoever gives it.
        actions   = ["s3:GetObject"]
        resources = ["${module.artifacts.arn}/functions/*"]
      },
      {
        actions   = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        resources = [for repository in aws_ecr_repository.this : repository.arn]
      },
      {
        actions = [
          "iam:CreateRole",
          "iam:DeleteRole",
          "iam:DeleteRolePolicy",
          "iam:ListInstanceProfilesForRole", # asked before a role is deleted
          "iam:PutRolePolicy",
          "iam:TagRole",
          "iam:UntagRole",
          "iam:UpdateRole",
        ]
        resources = owned.roles
      },
      {
        actions    = ["iam:PassRole"]
        resources  = owned.roles
        conditions = { StringEquals = { "iam:PassedToService" = ["lambda.amazonaws.com"] } }
      },
      {
        actions = [
          "dynamodb:CreateTable",
          "dynamodb:DeleteTable",
          "dynamodb:TagResource",
          "dynamodb:UntagResource",
          "dynamodb:UpdateContinuousBackups",
          "dynamodb:UpdateTable",
          "dynamodb:UpdateTimeToLive",
        ]
        resources = owned.tables
      },
      {
        # The bucket, not what is in it: a bucket that holds calls is emptied by a person.
        actions = [
          "s3:CreateBucket",
          "s3:DeleteBucket",
          "s3:DeleteBucketPolicy",
          "s3:PutBucketNotification",
          "s3:PutBucketPolicy",
          "s3:PutBucketPublicAccessBlock",
          "s3:PutBucketTagging",
          "s3:PutBucketVersioning",
          "s3:PutEncryptionConfiguration",
          "s3:PutLifecycleConfiguration",
        ]
        resources = [owned.landing]
      },
      {
        actions   = ["sqs:CreateQueue", "sqs:DeleteQueue", "sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue"]
        resources = owned.queues
      },
      {
        actions = [
          "logs:CreateLogGroup",
          "logs:DeleteLogGroup",
          "logs:DeleteRetentionPolicy",
          "logs:PutRetentionPolicy",
          "logs:TagResource",
          "logs:UntagResource",
        ]
        resources = owned.logs
      },
      {
        actions   = ["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource"]
        resources = owned.alarms
      },
    ]
  }

  # What AWS takes without a name, or under a name of its own.
  deploying_unnamed = {
    for environment, owned in local.owned : environment => [
      {
        # A mapping's name is AWS's, but its function is ours. A new one has no name to be asked for at all. (AWS always says
        # which function it is; the emulated AWS never does.)
        actions    = ["lambda:CreateEventSourceMapping", "lambda:DeleteEventSourceMapping", "lambda:UpdateEventSourceMapping"]
        resources  = ["*"]
        conditions = { ArnLikeIfExists = { "lambda:FunctionArn" = flatten([for function in local.functions[environment] : [function, "${function}:*"]]) } }
      },
      {
        actions    = ["lambda:TagResource", "lambda:UntagResource"]
        resources  = ["${local.arn}:lambda:${var.region}:${var.account_id}:event-source-mapping:*"]
        conditions = owned.tagged
      },
      {
        # An API's id is AWS's. TagResource is asked for where an API or a stage is made with tags, although no list of AWS's
        # has it.
        actions = ["apigateway:DELETE", "apigateway:PATCH", "apigateway:POST", "apigateway:TagResource", "apigateway:UntagResource"]
        resources = [
          "${local.arn}:apigateway:${var.region}::/apis",
          "${local.arn}:apigateway:${var.region}::/apis/*",
          "${local.arn}:apigateway:${var.region}::/tags/*",
        ]
        conditions = owned.tagged
      },
      {
        # AWS refuses composite alarms to whoever may not make all of them.
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
        actions    = ["cloudwatch:PutCompositeAlarm"]
        resources  = ["*"]
        conditions = owned.tagged
      },
      {
        # What AWS asks for when an API's log is turned on or off; none of it can be named.
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html
        actions = [
          "logs:CreateLogDelivery",
          "logs:DeleteLogDelivery",
          "logs:DescribeResourcePolicies",
          "logs:GetLogDelivery",
          "logs:ListLogDeliveries",
          "logs:PutResourcePolicy",
          "logs:UpdateLogDelivery",
        ]
        resources = ["*"]
      },
    ]
  }
}
