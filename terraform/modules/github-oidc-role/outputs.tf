output "arn" {
  description = "ARN of the role, for `lockgate assume-role`."
  value       = aws_iam_role.this.arn
}

output "statements" {
  description = "What the role may do, as IAM reads it."
  value       = jsondecode(aws_iam_role_policy.this.policy).Statement
}

output "name" {
  description = "Name of the role."
  value       = aws_iam_role.this.name
}

output "max_session_duration" {
  description = "How long its credentials are good at most, in seconds."
  value       = aws_iam_role.this.max_session_duration
}

output "ref" {
  description = "What their jobs have to run on; null if their subjects alone are compared."
  value       = try(jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Condition.StringEquals["${local.issuer}:ref"], null)
}

output "subjects" {
  description = "The subjects of the tokens that may take the role."
  value       = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Condition.StringEquals["${local.issuer}:sub"]
}
