"""Runs in the S3 store's own environment: moto, with a bucket `wms` that one user may use, all others not.

    env/bin/python server.py PORT FOLDER      # the user's key lands in FOLDER/key.json once the store is ready
"""

import json
import os
import sys
from pathlib import Path

#: Calls that make the bucket, the user, the key and the policy: whoever comes after them must prove who they are.
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "4"

import boto3
from moto.server import ThreadedMotoServer

port, folder = int(sys.argv[1]), Path(sys.argv[2])
server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
server.start()
address = f"http://127.0.0.1:{port}"


def client(service: str):
    return boto3.client(
        service, endpoint_url=address, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )


client("s3").create_bucket(Bucket="wms")
iam = client("iam")
iam.create_user(UserName="erp")
key = iam.create_access_key(UserName="erp")["AccessKey"]
may = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
iam.put_user_policy(UserName="erp", PolicyName="files", PolicyDocument=json.dumps(may))
draft = folder / "key.tmp"
draft.write_text(json.dumps({"id": key["AccessKeyId"], "secret": key["SecretAccessKey"]}))
draft.rename(folder / "key.json")
server._thread.join()
