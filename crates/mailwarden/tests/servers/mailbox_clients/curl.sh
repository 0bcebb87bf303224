# METHOD is what curl calls login options.
case $PROTOCOL in imap) path='INBOX/;UID=1' ;; *) path=1 ;; esac
[ $TLS = no ] || tls='--ssl-reqd -k'
curl -sSv --max-time 60 $tls --login-options "$METHOD" -u "$WHO:$PASSWORD" "$PROTOCOL://$HOST:$PORT/$path" 2>$HOME/said
grep '^curl: \|^< .*not allowed' $HOME/said
true
