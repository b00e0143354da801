# This file is maintained automatically by "terraform init".

provider "registry.example/hashicorp/aws" {
  version     = "5.0.1"
  constraints = "~> 5.0"
  hashes = [
    "h1:AAAA=",
    "zh:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
  ]
}
