# Pins what each role reaches: an environment's role nothing of another environment (but `check` and `deploy` read its ledger, as
# every pull request's `plan` does), and no role the ground that this root makes.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  account_id        = "111122223333"
  region            = "eu-central-1"
  github_repository = "acme/calls"
}

run "no_environment_reaches_another" {
  assert {
    condition = alltrue(flatten([
      for role in [module.check, module.deploy, module.promote, module.rollback] : [
        for pair in [["staging", "production"], ["production", "staging"]] :
        !strcontains(jsonencode(role[pair[0]].statements), pair[1])
      ]
    ]))
    error_message = "A role of one environment names another one."
  }

  # The same rights everywhere: what was tried in staging is what happens in production.
  assert {
    condition = alltrue([
      for role in [module.check, module.deploy, module.promote, module.rollback] :
      replace(jsonencode(role["staging"].statements), "staging", "production") == jsonencode(role["production"].statements)
    ])
    error_message = "The roles of the environments differ in more than the environment's name."
  }
}

run "what_stands_for_everything_is_what_AWS_takes_no_name_for" {
  assert {
    condition = alltrue([
      for role, statements in merge(
        { plan = module.plan[0].statements, release = module.release[0].statements, drift = module.drift[0].statements },
        { for name, role in { check = module.check, deploy = module.deploy, promote = module.promote, rollback = module.rollback } : name => role["staging"].statements },
        ) : toset(flatten([for statement in statements : statement.Action if contains(statement.Resource, "*")])) == toset(concat(
          contains(["plan", "drift", "check", "deploy"], role) ? local.reading : [],
          lookup({
            release = ["ecr:DescribeRepositories", "ecr:GetAuthorizationToken"]
            promote = ["cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"]
            deploy = [
              "cloudwatch:PutCompositeAlarm",
              "lambda:CreateEventSourceMapping", "lambda:DeleteEventSourceMapping", "lambda:UpdateEventSourceMapping",
              "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeResourcePolicies", "logs:GetLogDelivery",
              "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
            ]
          }, role, []),
      ))
    ])
    error_message = "A role may do something everywhere that can be bound to a name."
  }

  # Where AWS chooses the name, function and tag say whose it is.
  assert {
    condition = [
      for statement in module.deploy["staging"].statements : try(statement.Condition, null)
      if length(setintersection(statement.Action, ["lambda:CreateEventSourceMapping", "apigateway:POST", "cloudwatch:PutCompositeAlarm"])) > 0
      ] == [
      { ArnLikeIfExists = { "lambda:FunctionArn" = flatten([for function in local.functions["staging"] : [function, "${function}:*"]]) } },
      { StringEqualsIfExists = { "aws:ResourceTag/root" = ["terraform/environments/staging"] } },
      { StringEqualsIfExists = { "aws:ResourceTag/root" = ["terraform/environments/staging"] } },
    ]
    error_message = "Nothing keeps what has no name of ours apart from another environment's."
  }
}

run "data_is_read_by_name" {
  assert {
    condition = toset(flatten([
      for statements in concat(
        [module.plan[0].statements, module.drift[0].statements, module.release[0].statements],
        [for role in [module.check, module.deploy, module.promote, module.rollback] : role["staging"].statements],
        ) : [
        for statement in statements : statement.Resource
        if length(setintersection(statement.Action, ["s3:GetObject", "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"])) > 0
      ]
      ])) == toset([
      "arn:aws:s3:::lockgate-state-111122223333/terraform/*",
      "arn:aws:s3:::lockgate-state-111122223333/terraform/environments/staging/*",
      "arn:aws:s3:::lockgate-artifacts-111122223333/plans/*",
      "arn:aws:s3:::lockgate-artifacts-111122223333/functions/*",
      "arn:aws:dynamodb:eu-central-1:111122223333:table/lockgate_state_lock",
      "arn:aws:dynamodb:eu-central-1:111122223333:table/lockgate_releases_staging",
      "arn:aws:dynamodb:eu-central-1:111122223333:table/lockgate_releases_production",
      "arn:aws:dynamodb:eu-central-1:111122223333:table/lockgate_releases_*",
    ])
    error_message = "A role reads other data than Terraform's state, plan records, zips and the ledger."
  }

  assert {
    condition = alltrue(flatten([
      for role in [module.plan[0], module.drift[0], module.release[0], module.check["staging"], module.deploy["staging"], module.promote["staging"], module.rollback["staging"]] : [
        for statement in role.statements : [
          for action in statement.Action :
          !can(regex("^(secretsmanager|ssm|kms|sts):|:GetLog(Events|Record)|:ReceiveMessage|:FilterLogEvents|GetObjectVersion|:GetRecords", action))
        ]
      ]
    ]))
    error_message = "A role reads secrets, logs or messages."
  }
}

run "code_and_variables_are_read_of_the_service_alone" {
  assert {
    condition = toset(flatten([
      for role in [module.plan[0], module.drift[0], module.release[0], module.check["staging"], module.deploy["staging"], module.promote["staging"], module.rollback["staging"]] : [
        for statement in role.statements : [for resource in statement.Resource : trimprefix(resource, "arn:aws:lambda:eu-central-1:111122223333:function:")]
        if length(setintersection(statement.Action, ["lambda:GetFunction", "lambda:GetFunctionConfiguration", "lambda:ListVersionsByFunction"])) > 0
      ]
      ])) == toset(flatten([
      for environment in ["staging", "production"] : [
        for stem in ["ingest", "enrich", "query"] : ["${stem}-${environment}", "${stem}-${environment}:*"]
      ]
    ]))
    error_message = "A role reads the code or the variables of another function than the service's."
  }

  assert {
    condition = alltrue(flatten([
      for role in [module.plan[0], module.drift[0], module.check["staging"], module.deploy["staging"]] : [
        for statement in role.statements : [for resource in statement.Resource : can(regex("::/(apis|apis/[*]|tags/[*])$", resource))]
        if contains(statement.Action, "apigateway:GET")
      ]
    ]))
    error_message = "A role reads more of API Gateway than HTTP APIs."
  }
}

run "deploy_makes_what_the_service_names" {
  assert {
    condition = toset(flatten([
      for statement in module.deploy["staging"].statements : [
        for resource in statement.Resource : trimprefix(trimprefix(resource, "arn:aws:"), "s3:::")
        if !contains(statement.Resource, "*") && length([for action in statement.Action : action if !can(regex(":(Get|List|Scan|Query|Describe|BatchGet)", action))]) > 0
      ]
      ])) == toset(flatten([
      "lockgate-state-111122223333/terraform/environments/staging/terraform.tfstate",
      "lockgate-state-111122223333/terraform/environments/staging/terraform.tfstate.tflock",
      "dynamodb:eu-central-1:111122223333:table/lockgate_state_lock",
      "dynamodb:eu-central-1:111122223333:table/lockgate_releases_staging",
      [for table in ["bronze", "counter", "erased", "silver"] : "dynamodb:eu-central-1:111122223333:table/${table}_call_staging"],
      [for queue in ["enrich", "ingest"] : "sqs:eu-central-1:111122223333:${queue}-failed-staging"],
      [for queue in ["enrich", "ingest"] : "cloudwatch:eu-central-1:111122223333:alarm:${queue}-failed-staging-waiting"],
      "cloudwatch:eu-central-1:111122223333:alarm:lockgate-staging",
      "lockgate-landing-staging-111122223333",
      "logs:eu-central-1:111122223333:log-group:/aws/apigateway/query-staging",
      "logs:eu-central-1:111122223333:log-group:/aws/apigateway/query-staging:*",
      "lambda:eu-central-1:111122223333:event-source-mapping:*",
      [for path in ["apis", "apis/*", "tags/*"] : "apigateway:eu-central-1::/${path}"],
      [
        for stem in ["ingest", "enrich", "query"] : [
          "lambda:eu-central-1:111122223333:function:${stem}-staging",
          "lambda:eu-central-1:111122223333:function:${stem}-staging:*",
          "iam::111122223333:role/${stem}-staging",
          "cloudwatch:eu-central-1:111122223333:alarm:${stem}-staging-*",
          "logs:eu-central-1:111122223333:log-group:/aws/lambda/${stem}-staging",
          "logs:eu-central-1:111122223333:log-group:/aws/lambda/${stem}-staging:*",
        ]
      ],
    ]))
    error_message = "The deploy role changes something else than the resources of modules/service, its state and its ledger."
  }
}

run "promote_and_rollback_reach_functions_and_ledger" {
  assert {
    condition = alltrue([
      for role in [module.promote["staging"], module.rollback["staging"]] :
      toset(flatten([for statement in role.statements : statement.Resource if !contains(statement.Resource, "*")])) == toset(concat(
        ["arn:aws:dynamodb:eu-central-1:111122223333:table/lockgate_releases_staging"],
        flatten([
          for stem in ["ingest", "enrich", "query"] : [
            "arn:aws:lambda:eu-central-1:111122223333:function:${stem}-staging",
            "arn:aws:lambda:eu-central-1:111122223333:function:${stem}-staging:*",
          ]
        ]),
      ))
    ])
    error_message = "A role that moves aliases reaches something else than its environment's functions, their aliases and versions, and its ledger."
  }
}
