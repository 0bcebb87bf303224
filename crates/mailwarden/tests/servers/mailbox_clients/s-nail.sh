# METHOD is login or cram-md5, user or apop.
case $PROTOCOL in
  imap) settings="imap-auth=$METHOD"; [ $TLS = no ] || settings="$settings imap-use-starttls" ;;
  *)
    settings='pop3-auth=plain'
    [ $METHOD = apop ] || settings="$settings pop3-no-apop"
    [ $TLS = no ] || settings="$settings pop3-use-starttls"
    ;;
esac
cat >$HOME/rc <<X
set v15-compat
set tls-verify=ignore
set password=$PASSWORD
set $settings
set folder=$HOME
X
printf 'type 1\nquit\n' | MAILRC=$HOME/rc s-nail -:u -R '-#' -f "$PROTOCOL://$WHO@$HOST:$PORT" 2>&1 |
  grep -v '^From \|^s-nail version'
true
