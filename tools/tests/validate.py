#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""validate.py SCHEMA FILE...: is each JSON file what the schema says?

A file is named NAME.COMMAND: the command's part of the schema is "definitions/COMMAND". One of
"monitor" has a document a line. Prints "ok NAME.schema" or "not ok NAME.schema REASON".
"""
import json
import os
import sys

import jsonschema


def documents(path, command):
    with open(path, encoding="utf-8") as file:
        if command == "monitor":
            return [json.loads(line) for line in file]
        return [json.load(file)]


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    for path in sys.argv[2:]:
        name, command = os.path.basename(path).rsplit(".", 1)
        validator = jsonschema.Draft7Validator(
            {"definitions": schema["definitions"], "$ref": "#/definitions/" + command})
        try:
            for document in documents(path, command):
                validator.validate(document)
            print(f"ok {name}.schema")
        except (ValueError, jsonschema.ValidationError) as error:
            print(f"not ok {name}.schema {str(error).splitlines()[0]}")


main()
