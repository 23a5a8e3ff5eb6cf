# Pins what each role may change, action by action. A right more is brought along with the code that needs it, and with
# SECURITY.md.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  account_id        = "111122223333"
  region            = "eu-central-1"
  github_repository = "acme/calls"
}

run "actions_are_named_one_by_one" {
  assert {
    condition = alltrue(flatten([
      for role in [module.plan[0], module.drift[0], module.release[0], module.check["staging"], module.deploy["staging"], module.promote["staging"], module.rollback["staging"]] : [
        for statement in role.statements : [for action in statement.Action : !strcontains(action, "*") || action == "s3:GetBucket*"]
      ]
    ]))
    error_message = "A role has actions by a pattern, which grows with AWS."
  }
}

run "plan_and_drift_change_nothing" {
  assert {
    condition = alltrue(flatten([
      for role in [module.plan[0], module.drift[0]] : [
        for statement in role.statements : [
          for action in statement.Action :
          can(regex("^(apigateway:GET|[a-z0-9]+:(BatchGet|Describe|Get|List|Query|Scan)[A-Za-z*]*)$", action))
        ]
      ]
    ]))
    error_message = "The role may do something else than read."
  }
}

run "release_uploads_and_writes_releases_down" {
  assert {
    condition = module.release[0].statements == [
      { Effect = "Allow", Action = ["s3:GetObject", "s3:PutObject"], Resource = ["arn:aws:s3:::lockgate-artifacts-111122223333/functions/*"] },
      { Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::lockgate-artifacts-111122223333"] },
      {
        Effect = "Allow"
        Action = [
          "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:GetDownloadUrlForLayer",
          "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
        ]
        Resource = ["arn:aws:ecr:eu-central-1:111122223333:repository/enrich", "arn:aws:ecr:eu-central-1:111122223333:repository/query"]
      },
      { Effect = "Allow", Action = ["ecr:DescribeRepositories", "ecr:GetAuthorizationToken"], Resource = ["*"] },
      {
        Effect = "Allow"
        Action = ["dynamodb:GetItem", "dynamodb:PutItem"]
        Resource = [
          "arn:aws:dynamodb:eu-central-1:111122223333:table/lockgate_releases_production",
          "arn:aws:dynamodb:eu-central-1:111122223333:table/lockgate_releases_staging",
        ]
        Condition = { "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = ["r*"] } }
      },
    ]
    error_message = "The release role is not what is written here."
  }
}

run "check_writes_plan_records_and_its_lock" {
  assert {
    condition = [
      for statement in module.check["staging"].statements : { for key, value in statement : key => value if key != "Effect" }
      if length([for action in statement.Action : action if can(regex(":(Put|Delete|Update|Create)", action))]) > 0
      ] == [
      { Action = ["s3:DeleteObject", "s3:PutObject"], Resource = ["arn:aws:s3:::lockgate-state-111122223333/terraform/environments/staging/terraform.tfstate.tflock"] },
      {
        Action    = ["dynamodb:DeleteItem", "dynamodb:PutItem"]
        Resource  = ["arn:aws:dynamodb:eu-central-1:111122223333:table/lockgate_state_lock"]
        Condition = { "ForAllValues:StringEquals" = { "dynamodb:LeadingKeys" = ["lockgate-state-111122223333/terraform/environments/staging/terraform.tfstate"] } }
      },
      { Action = ["s3:PutObject"], Resource = ["arn:aws:s3:::lockgate-artifacts-111122223333/plans/*"] },
    ]
    error_message = "The check role writes something else than plan records and Terraform's lock."
  }

  assert {
    condition = toset(flatten([for statement in module.check["staging"].statements : statement.Action])) == setunion(
      local.reading, local.reading_apis.actions, local.reading_functions, local.ledger_reading,
      ["dynamodb:DeleteItem", "dynamodb:PutItem", "s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject"],
    )
    error_message = "The check role may do more than read, lock and keep plan records."
  }
}

run "deploy_gives_roles_to_functions_alone" {
  assert {
    condition = [
      for statement in module.deploy["staging"].statements : { for key, value in statement : key => value if key != "Effect" }
      if length([for action in statement.Action : action if startswith(action, "iam:") && !contains(local.reading, action)]) > 0
      ] == [
      {
        Action = [
          "iam:CreateRole", "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:ListInstanceProfilesForRole", "iam:PutRolePolicy",
          "iam:TagRole", "iam:UntagRole", "iam:UpdateRole",
        ]
        Resource = [for stem in ["ingest", "enrich", "query"] : "arn:aws:iam::111122223333:role/${stem}-staging"]
      },
      {
        Action    = ["iam:PassRole"]
        Resource  = [for stem in ["ingest", "enrich", "query"] : "arn:aws:iam::111122223333:role/${stem}-staging"]
        Condition = { StringEquals = { "iam:PassedToService" = ["lambda.amazonaws.com"] } }
      },
    ]
    error_message = "The deploy role has other rights in IAM than those on the functions' own roles."
  }
}

run "deploy_leaves_traffic_holds_and_data_alone" {
  assert {
    condition = length(setintersection(flatten([for statement in module.deploy["staging"].statements : statement.Action]), [
      "lambda:UpdateAlias", "lambda:InvokeFunction", "s3:DeleteObjectVersion", "ecr:PutImage", "ecr:SetRepositoryPolicy",
      "dynamodb:BatchWriteItem", "dynamodb:PartiQLUpdate", "dynamodb:PartiQLInsert", "dynamodb:PartiQLDelete", "sqs:SendMessage", "sqs:PurgeQueue",
    ])) == 0
    error_message = "The deploy role moves traffic, or writes data or images."
  }

  # Items and objects, and by which keys.
  assert {
    condition = {
      for statement in module.deploy["staging"].statements :
      join(" ", concat([for action in statement.Action : action], [for resource in statement.Resource : trimprefix(resource, "arn:aws:")])) =>
      try(one(values(statement.Condition))["dynamodb:LeadingKeys"], [])
      if length(setintersection(statement.Action, ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "s3:PutObject", "s3:DeleteObject"])) > 0
      } == {
      "s3:DeleteObject s3:PutObject s3:::lockgate-state-111122223333/terraform/environments/staging/terraform.tfstate.tflock" = []
      "s3:PutObject s3:::lockgate-state-111122223333/terraform/environments/staging/terraform.tfstate"                        = []
      "dynamodb:DeleteItem dynamodb:PutItem dynamodb:eu-central-1:111122223333:table/lockgate_state_lock" = [
        "lockgate-state-111122223333/terraform/environments/staging/terraform.tfstate",
      ]
      "dynamodb:PutItem dynamodb:eu-central-1:111122223333:table/lockgate_state_lock" = [
        "lockgate-state-111122223333/terraform/environments/staging/terraform.tfstate-md5",
      ]
      "dynamodb:PutItem dynamodb:UpdateItem dynamodb:eu-central-1:111122223333:table/lockgate_releases_staging" = ["lock/apply", "r*"]
      "dynamodb:DeleteItem dynamodb:eu-central-1:111122223333:table/lockgate_releases_staging"                  = ["lock/apply"]
    }
    error_message = "The deploy role writes items or objects that are not its own."
  }

  # A release may have come from another environment: its ledger is read, and that is all.
  assert {
    condition = toset(flatten([
      for statement in concat(module.check["staging"].statements, module.deploy["staging"].statements) : statement.Action
      if anytrue([for resource in statement.Resource : endswith(resource, "/lockgate_releases_*")])
    ])) == toset(["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"])
    error_message = "A role does more to the ledgers of other environments than read them."
  }
}

run "rollback_moves_aliases_and_promote_watches_too" {
  assert {
    condition = toset(flatten([for statement in module.rollback["staging"].statements : statement.Action])) == toset([
      "dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Scan", "dynamodb:UpdateItem",
      "lambda:GetAlias", "lambda:GetFunction", "lambda:GetFunctionConfiguration", "lambda:InvokeFunction", "lambda:UpdateAlias",
    ])
    error_message = "The rights of a rollback role are not what is written here: bring the code that needs the change along, and SECURITY.md."
  }

  assert {
    condition = setsubtract(
      toset(flatten([for statement in module.promote["staging"].statements : statement.Action])),
      toset(flatten([for statement in module.rollback["staging"].statements : statement.Action])),
    ) == toset(["cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData", "lambda:GetProvisionedConcurrencyConfig"])
    error_message = "A promote role may do more than roll back and watch."
  }
}
