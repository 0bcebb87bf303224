"""Reads messages as Python's email package does, with its old and its new policy.

Standard input: a message behind its length, four bytes, most significant first; and so on. Standard
output: a line of JSON for each, a list of what each policy sees.
"""
import email
import email.policy
import json
import struct
import sys


def seen(message, policy):
    found = {"types": [], "encodings": [], "texts": []}
    try:
        for part in email.message_from_bytes(message, policy=policy).walk():
            found["types"].append(part.get_content_type())
            header = part.get("content-transfer-encoding", "7bit")
            encoding = str(getattr(header, "cte", header)).lower()
            found["encodings"].append(encoding)
            payload = part.get_payload()
            if part.get_content_maintype() != "text" or not isinstance(payload, str):
                continue
            text = payload.encode("ascii", "surrogateescape")
            # Only text that is shown as it stands.
            if part.get_payload(decode=True) == text:
                found["texts"].append([encoding, text.decode("latin-1")])
    except Exception:
        # It raises errors on some crooked fields; what it saw before counts.
        pass
    return found


def main():
    while len(length := sys.stdin.buffer.read(4)) == 4:
        message = sys.stdin.buffer.read(struct.unpack(">I", length)[0])
        policies = [email.policy.compat32, email.policy.default]
        print(json.dumps([seen(message, policy) for policy in policies]), flush=True)


main()
