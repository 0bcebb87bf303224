# getmail6: METHOD is login, cram-md5 or apop; it has neither STARTTLS nor STLS.
case $PROTOCOL in imap) type=SimpleIMAPRetriever ;; *) type=SimplePOP3Retriever ;; esac
case $METHOD in cram-md5) more='use_cram_md5 = true' ;; apop) more='use_apop = true' ;; esac
mkdir $HOME/.getmail
cat >$HOME/.getmail/getmailrc <<X
[retriever]
type = $type
server = $HOST
port = $PORT
username = $WHO
password = $PASSWORD
timeout = 60
$more
[destination]
type = MDA_external
path = /usr/bin/tee
arguments = ("-a", "$HOME/read")
allow_root_commands = true
[options]
delivered_to = false
received = false
X
getmail --getmaildir=$HOME/.getmail 2>&1
true
