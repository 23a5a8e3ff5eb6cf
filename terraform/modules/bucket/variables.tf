variable "name" {
  description = "Name of the bucket, unique in the whole partition."
  type        = string
}

variable "protect" {
  description = "Whether destroying the bucket fails while an object or an old version is in it."
  type        = bool
  default     = true
}
