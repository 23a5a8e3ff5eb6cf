environment        = "production"
log_retention_days = 90
throttling = {
  rate  = 200
  burst = 400
}
