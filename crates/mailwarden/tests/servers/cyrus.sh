# Debian's Cyrus, unpacked and not installed: cyrus.sh UNPACKED FOLDER HOST POP3_PORT IMAP_PORT USER PASSWORD
#
# Its paths are compiled in, so it runs in a mount namespace of its own (unshare -m). FOLDER has cert.pem, key.pem, and
# the only message in message.
set -e
unpacked=$1 folder=$2 host=$3 pop3=$4 imap=$5 user=$6 password=$7
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir /run/unpacked /run/upper /run/work
cp -a "$unpacked/." /run/unpacked
[ ! -d /run/unpacked/lib ] || cp -a /run/unpacked/lib/. /run/unpacked/usr/lib
mount -t overlay overlay -o lowerdir=/run/unpacked/usr:/usr /usr
mount -t overlay overlay -o lowerdir=/run/unpacked/etc:/etc,upperdir=/run/upper,workdir=/run/work /etc
exec >>"$folder/log" 2>&1
ldconfig
echo "cyrus:x:991:$(id -g mail)::/:/bin/sh" >>/etc/passwd
mkdir -p /run/cyrus/state /run/cyrus/spool /run/cyrus/proc /run/cyrus/lock /run/cyrus/socket
cp "$folder/cert.pem" "$folder/key.pem" /run/cyrus
echo "$password" | saslpasswd2 -p -c -f /run/cyrus/sasldb2 -u mail.example.test "$user"
chown -R cyrus:mail /run/cyrus
cat >/etc/imapd.conf <<X
configdirectory: /run/cyrus/state
partition-default: /run/cyrus/spool
defaultpartition: default
proc_path: /run/cyrus/proc
mboxname_lockpath: /run/cyrus/lock
servername: mail.example.test
defaultdomain: mail.example.test
autocreate_quota: 0
allowplaintext: yes
popminpoll: 0
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: /run/cyrus/sasldb2
sasl_mech_list: PLAIN LOGIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-256
tls_server_cert: /run/cyrus/cert.pem
tls_server_key: /run/cyrus/key.pem
X
cat >/etc/cyrus.conf <<X
START { recover cmd="/usr/lib/cyrus/bin/ctl_cyrusdb -r" }
SERVICES {
  imap cmd="imapd" listen="$host:$imap" prefork=1
  pop3 cmd="pop3d" listen="$host:$pop3" prefork=1
}
EVENTS { }
X
cyrmaster &
until curl -sS -T "$folder/message" -u "$user:$password" "imap://$host:$imap/INBOX"; do sleep 0.2; done
touch "$folder/ready"
wait
