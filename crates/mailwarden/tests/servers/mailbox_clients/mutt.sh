# METHOD is an authenticator of mutt, which wants a terminal.
case $PROTOCOL in imap) scheme=imap ;; *) scheme=pop ;; esac
mkdir $HOME/Mail
cat >$HOME/muttrc <<X
set imap_user="$WHO" imap_pass="$PASSWORD" pop_user="$WHO" pop_pass="$PASSWORD"
set imap_authenticators="$METHOD" pop_authenticators="$METHOD"
set ssl_starttls=$TLS ssl_force_tls=$TLS certificate_file=$CERT ssl_verify_dates=no ssl_verify_host=no
set delete=no quit=yes pop_delete=no sleep_time=0 wait_key=no
push "<pipe-message>cat >$HOME/read<enter><quit><quit>"
X
TERM=vt100 timeout 12 script -qec "mutt -n -F $HOME/muttrc -f $scheme://$WHO@$HOST:$PORT/" /dev/null \
  </dev/null >$HOME/screen 2>&1
cat $HOME/read 2>/dev/null || grep -ao 'clear text is not allowed[^(]*' $HOME/screen | head -n 1
true
