# Debian's OpenSMTPD, unpacked and not installed: opensmtpd.sh UNPACKED FOLDER OPTION…
#
# Its paths and users are compiled in, so it runs in a mount namespace of its own (unshare -m). FOLDER has smtpd.conf, and
# spool, where the queue is kept from one start to the next.
set -e
unpacked=$1 folder=$2
shift 2
mount --make-rprivate /
mount --bind "$folder/spool" /var/spool
mount -t tmpfs tmpfs /run
mkdir -p /run/unpacked /run/upper /run/work
cp -a "$unpacked/." /run/unpacked
mount -t overlay overlay -o lowerdir=/run/unpacked/usr:/usr /usr
mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/upper,workdir=/run/work /etc
mount -t tmpfs tmpfs /var/lib
mkdir -p /var/lib/opensmtpd/empty
echo 'opensmtpd:x:990:990::/var/lib/opensmtpd/empty:/bin/false' >>/etc/passwd
echo 'opensmtpq:x:991:991::/var/lib/opensmtpd/empty:/bin/false' >>/etc/passwd
echo 'opensmtpd:x:990:' >>/etc/group
echo 'opensmtpq:x:991:' >>/etc/group
exec /usr/sbin/smtpd -d -f "$folder/smtpd.conf" "$@" >>"$folder/log" 2>&1
