# Python's poplib: METHOD is USER, APOP or wrong.
exec python3 - <<'X'
import os, poplib, ssl
e = os.environ
user, password = e['WHO'], e['PASSWORD']
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
ways = {
    'USER': lambda box: (box.user(user), box.pass_(password)),
    'APOP': lambda box: box.apop(user, password),
    'wrong': lambda box: (box.user(user), box.pass_('wrong')),
}
try:
    box = poplib.POP3(e['HOST'], int(e['PORT']), timeout=60)
    if e['TLS'] == 'yes':
        box.stls(context)
    ways[e['METHOD']](box)
    print(box.stat(), box.retr(1)[1])
    box.quit()
except (poplib.error_proto, OSError) as error:
    print('failed', error)
X
