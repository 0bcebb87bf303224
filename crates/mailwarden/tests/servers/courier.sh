# Debian's Courier, unpacked and not installed: courier.sh UNPACKED FOLDER HOST POP3_PORT IMAP_PORT USER PASSWORD
#
# Its paths are compiled in, so it runs in a mount namespace of its own (unshare -m). FOLDER has cert.pem, key.pem, and
# the only message in message.
set -e
unpacked=$1 folder=$2 host=$3 pop3=$4 imap=$5 user=$6 password=$7
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/unpacked /run/courier/authdaemon
cp -a "$unpacked/." /run/unpacked
mount -t overlay overlay -o lowerdir=/run/unpacked/usr:/usr /usr
mkdir /run/upper /run/work
mount -t overlay overlay -o lowerdir=/run/unpacked/etc:/etc,upperdir=/run/upper,workdir=/run/work /etc
exec >>"$folder/log" 2>&1
mkdir -p "$folder/Maildir/new" "$folder/Maildir/cur" "$folder/Maildir/tmp"
cp "$folder/message" "$folder/Maildir/new/1"
chown -R mail:mail "$folder/Maildir"
cat "$folder/key.pem" "$folder/cert.pem" >"$folder/both.pem"
echo 'courier:x:990:990::/:/bin/false' >>/etc/passwd
echo 'courier:x:990:' >>/etc/group
hmac=$(printf '%s\n%s\n' "$password" "$password" | userdbpw -hmac-md5)
printf '%s\tuid=%s|gid=%s|home=%s|mail=%s/Maildir|systempw=%s|hmac-md5pw=%s\n' \
  "$user" "$(id -u mail)" "$(id -g mail)" "$folder" "$folder" "$(openssl passwd -1 "$password")" "$hmac" >/etc/courier/userdb
chmod 600 /etc/courier/userdb
makeuserdb
set -a
authmodulelist=authuserdb authmodulelistorig=authuserdb daemons=2 authdaemonvar=/run/courier/authdaemon
printf 'authmodulelist="authuserdb"\nauthmodulelistorig="authuserdb"\ndaemons=2\nauthdaemonvar=%s\n' \
  $authdaemonvar >/etc/courier/authdaemonrc
/usr/lib/courier/courier-authlib/authdaemond &
. /etc/courier/imapd-ssl
. /etc/courier/imapd
. /etc/courier/pop3d-ssl
. /etc/courier/pop3d
IMAP_CAPABILITY="$IMAP_CAPABILITY AUTH=PLAIN AUTH=CRAM-MD5" POP3AUTH='PLAIN LOGIN CRAM-MD5'
TLS_CERTFILE=$folder/both.pem TLS_CACHEFILE= IMAP_STARTTLS=YES POP3_STARTTLS=YES
couriertcpd -address="$host" -nodnslookup -noidentlookup "$imap" \
  /usr/lib/courier/courier/imaplogin /usr/bin/imapd Maildir &
couriertcpd -address="$host" -nodnslookup -noidentlookup "$pop3" \
  /usr/lib/courier/courier/courierpop3login /usr/lib/courier/courier/courierpop3d Maildir &
touch "$folder/ready"
wait
