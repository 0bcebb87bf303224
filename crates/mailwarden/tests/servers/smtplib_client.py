"""Sends one message with Python's smtplib as the JSON on stdin says; prints [[command, reply], ...] as JSON."""

import json
import smtplib
import ssl
import sys

exchanges = []


class Client(smtplib.SMTP):
    said = ""  # nothing precedes the greeting

    def putcmd(self, cmd, args=""):
        self.said = f"{cmd} {args}".strip()
        super().putcmd(cmd, args)

    def getreply(self):
        # After DATA the next reply answers the end of data, which putcmd does not see.
        said, self.said = self.said, "."
        try:
            code, text = super().getreply()
        except smtplib.SMTPServerDisconnected:
            exchanges.append([said, ""])
            raise
        exchanges.append([said, f"{code} {text.decode('utf-8', 'replace')}"])
        return code, text


def play(mail):
    client = Client(mail["host"], mail["port"], local_hostname="client.test", timeout=10)
    client.ehlo_or_helo_if_needed()
    if mail["tls"] and client.has_extn("starttls"):
        client.starttls(context=ssl._create_unverified_context())
    for command in mail["first"]:
        client.docmd(command)
    client.sendmail(mail["from"], mail["to"], mail["message"].encode("utf-8"), mail["options"])
    client.quit()


try:
    play(json.load(sys.stdin))
except (smtplib.SMTPException, OSError):
    pass  # a refusal, which the exchanges show
print(json.dumps(exchanges))
