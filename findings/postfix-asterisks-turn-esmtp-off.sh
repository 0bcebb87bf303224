#!/bin/sh
# To Postfix a greeting of asterisks is one of a PIX, and it gives up ESMTP for it at once, whatever the age of the mail.
#
# Postfix 3.7.11 (Debian 3.7.11-0+deb12u1). postconf(5) says that `smtp_pix_workaround_threshold_time` (500 s) is how long
# a message must be queued before workarounds for a PIX are turned on. That holds for `delay_dotcrlf` alone. The other one
# of the default `smtp_pix_workarounds`, `disable_esmtp`, is in force for the first delivery of a message that has just
# come: the client says HELO to a greeting that has nothing but `2`, `0`, `*` and blanks behind its code, and so asks for
# no STARTTLS, DSN or SMTPUTF8. One word ESMTP among the asterisks, and it says EHLO.
#
# Prints the command behind each greeting, and fails when that changes. Needs root, python3, and a mirror of Debian 12.
set -eu
version=3.7.11-0+deb12u1
folder=$(mktemp -d)
chmod 755 "$folder"
stop() {
    for started in ${master:-} ${server:-}; do
        kill "$started" 2>/dev/null && wait "$started" 2>/dev/null || true
    done
    rm -rf "$folder"
}
trap stop EXIT

(cd "$folder" && apt-get download -q "postfix=$version" >/dev/null 2>&1 && dpkg-deb -x postfix_*.deb package)
export LD_LIBRARY_PATH="$folder/package/usr/lib/postfix"

# A server for each greeting. It tells the first command of its client, and refuses what follows for now.
cat > "$folder/server.py" <<'P'
import socket
import sys
import threading

GREETINGS = [
    b"220 mx.example ESMTP ready",
    b"220 **********************",
    b"220 *****20**** ESMTP ****",
]
told = threading.Lock()


def serve(listener, greeting):
    while True:
        client, _ = listener.accept()
        lines = client.makefile("rb")
        client.sendall(greeting + b"\r\n")
        first = lines.readline().split()[:1]
        with told, open(sys.argv[1], "a") as out:
            print(greeting.decode(), "->", *(word.decode() for word in first), file=out)
        client.sendall(b"421 later\r\n")
        client.close()


ports = []
for greeting in GREETINGS:
    listener = socket.create_server(("127.0.0.1", 0))
    ports.append(listener.getsockname()[1])
    threading.Thread(target=serve, args=(listener, greeting)).start()
print(*ports, flush=True)
P
mkfifo "$folder/ports"
python3 "$folder/server.py" "$folder/seen" > "$folder/ports" &
server=$!
read -r named asterisks word < "$folder/ports"

mkdir -p "$folder/etc" "$folder/queue/pid"
install -d -m 700 -o nobody "$folder/data"
for name in active bounce corrupt defer deferred flush hold incoming private saved trace; do
    install -d -m 700 -o nobody "$folder/queue/$name"
done
install -d -m 730 -o nobody -g mail "$folder/queue/maildrop"
install -d -m 710 -o nobody -g mail "$folder/queue/public"
cat > "$folder/etc/main.cf" <<T
compatibility_level = 3.6
command_directory = $folder/package/usr/sbin
daemon_directory = $folder/package/usr/lib/postfix/sbin
shlib_directory = $folder/package/usr/lib/postfix
meta_directory = $folder/etc
queue_directory = $folder/queue
data_directory = $folder/data
mail_owner = nobody
setgid_group = mail
default_privs = daemon
import_environment = LD_LIBRARY_PATH MAIL_CONFIG
maillog_file = $folder/queue/log
maillog_file_prefixes = /
myhostname = client.example
mydestination =
inet_protocols = ipv4
inet_interfaces = loopback-only
disable_dns_lookups = yes
smtp_host_lookup = native
smtp_tls_security_level = may
transport_maps = inline:{ named.example=smtp:[127.0.0.1]:$named, asterisks.example=smtp:[127.0.0.1]:$asterisks, word.example=smtp:[127.0.0.1]:$word }
alias_maps =
T
cat > "$folder/etc/master.cf" <<'T'
pickup unix n - n 1 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
T
"$folder/package/usr/lib/postfix/sbin/master" -c "$folder/etc" -s >/dev/null 2>&1 &
master=$!
tries=0
until [ -S "$folder/queue/public/qmgr" ] || [ "$tries" -ge 20 ]; do
    tries=$((tries + 1))
    sleep 1
done

for domain in named asterisks word; do
    printf 'Subject: x\n\nx\n' |
        MAIL_CONFIG="$folder/etc" "$folder/package/usr/sbin/sendmail" -C "$folder/etc" -f a@client.example "a@$domain.example"
done
tries=0
while [ "$(sort -u "$folder/seen" 2>/dev/null | wc -l)" -lt 3 ] && [ "$tries" -lt 60 ]; do
    tries=$((tries + 1))
    sleep 1
done

found="$("$folder/package/usr/sbin/postconf" -c "$folder/etc" -h smtp_pix_workaround_threshold_time) $("$folder/package/usr/sbin/postconf" -c "$folder/etc" -h smtp_pix_workarounds)
$(LC_ALL=C sort -u "$folder/seen")"
expected="500s disable_esmtp,delay_dotcrlf
220 ********************** -> HELO
220 *****20**** ESMTP **** -> EHLO
220 mx.example ESMTP ready -> EHLO"
echo "$found"
[ "$found" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
