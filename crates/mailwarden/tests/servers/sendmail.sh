# Debian's sendmail, unpacked and not installed: sendmail.sh UNPACKED FOLDER MODE
#
# MODE is `queue`, a daemon that queues what it gets, or `send`, a run of that queue in two passes: mail for bob in clear,
# the rest in TLS where it is offered. In a namespace of host names of its own (unshare -u): where the machine's name has
# no dot, each start of sendmail waits a minute for one.
set -e
unpacked=$1 folder=$2 mode=$3
hostname sender.sendmail.test
sendmail() {
  configuration=$1
  shift
  exec "$unpacked/usr/libexec/sendmail/sendmail" -C "$folder/$configuration.cf" "$@"
}
case $mode in
  queue) sendmail queue -bD -ODeliveryMode=q ;;
  send)
    # Its exit status tells of the last message only.
    (sendmail clear -qf -qRbob@) || :
    sendmail tls -qf
    ;;
esac
