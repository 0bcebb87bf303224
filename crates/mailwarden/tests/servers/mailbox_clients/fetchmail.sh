# METHOD is what fetchmail calls auth, or apop, which it takes for a protocol.
protocol=$PROTOCOL auth=$METHOD
[ $METHOD != apop ] || protocol=apop auth=any
tls='sslproto ""'
[ $TLS = no ] || tls='sslproto "TLS1.2+" no sslcertck'
cat >$HOME/rc <<X
poll $HOST protocol $protocol service $PORT auth $auth timeout 30
  user "$WHO" password "$PASSWORD" keep fetchall $tls mda "cat >>$HOME/read"
X
chmod 600 $HOME/rc
FETCHMAILHOME=$HOME fetchmail -f $HOME/rc --nosyslog -v 2>&1 | grep '< .*not allowed\|^fetchmail: Query status'
grep -v '^Received: \|^	' $HOME/read
true
