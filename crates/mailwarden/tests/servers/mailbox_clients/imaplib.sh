# Python's imaplib: METHOD is LOGIN, PLAIN, CRAM-MD5 or wrong.
exec python3 - <<'X'
import imaplib, os, ssl
e = os.environ
user, password = e['WHO'], e['PASSWORD']
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
ways = {
    'LOGIN': lambda box: box.login(user, password),
    'PLAIN': lambda box: box.authenticate('PLAIN', lambda _: f'\0{user}\0{password}'.encode()),
    'CRAM-MD5': lambda box: box.login_cram_md5(user, password),
    'wrong': lambda box: box.login(user, 'wrong'),
}
try:
    box = imaplib.IMAP4(e['HOST'], int(e['PORT']), timeout=60)
    if e['TLS'] == 'yes':
        box.starttls(context)
    ways[e['METHOD']](box)
    box.select(readonly=True)
    print(box.fetch('1', '(BODY[HEADER.FIELDS (SUBJECT)] BODY[TEXT])'))
    box.logout()
except (imaplib.IMAP4.error, OSError) as error:
    print('failed', error)
X
