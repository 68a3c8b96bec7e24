#!/usr/bin/env bash
# Runs the 40 units of plan 3f9c2a10b7de on AWS Batch. Written by aster-timeseries export aws-batch; bash FILE
# The root of the file system is mounted at the run folder's own path, so that paths of the plan hold. Credentials: a netrc
# file on it and NETRC, or a secret of the job definition.
set -euo pipefail

definition=$(aws batch register-job-definition --query jobDefinitionArn --output text --cli-input-json \
  '{"jobDefinitionName":"aster-3f9c2a10b7de","type":"container","containerProperties":{"image":"registry.example/aster-timeseries:0.1.0","command":["aster-timeseries","run-unit","--manifest","/data/run/plan-3f9c2a10b7de.jsonl","--threads","2","--json"],"resourceRequirements":[{"type":"VCPU","value":"2"},{"type":"MEMORY","value":"3000"}],"mountPoints":[{"sourceVolume":"run","containerPath":"/data/run"}],"volumes":[{"name":"run","efsVolumeConfiguration":{"fileSystemId":"fs-0123456789abcdef0","rootDirectory":"/"}}]},"retryStrategy":{"attempts":4,"evaluateOnExit":[{"action":"RETRY","onExitCode":"75"},{"action":"RETRY","onExitCode":"130"},{"action":"RETRY","onExitCode":"137"},{"action":"RETRY","onExitCode":"143"},{"action":"RETRY","onStatusReason":"Host EC2*"},{"action":"EXIT","onReason":"*"}]}}')
aws batch submit-job --job-name aster-3f9c2a10b7de --job-queue spot --job-definition "$definition" --array-properties size=40
