//! The words that begin statements of IOS and ASA, at the outermost level and in blocks of other features.
//!
//! They tell a statement that is none of ours from one that no device knows. Words of ours are in the tables
//! of the dialects and not here, unless other features use them too. What begins with a word says nothing of
//! the rest of the line.

use std::sync::LazyLock;

/// Whether a statement of a device, or a line of a terminal around it, begins with this word or its
/// beginning: at least three letters, as administrators type them.
///
/// What follows a colon does not count: `Cryptochecksum:5a50`.
pub(crate) fn begins_a_statement(word: &str) -> bool {
    const SHORTENED_MIN: usize = 3;
    let word = bare(word);
    let at = SORTED.partition_point(|known| *known < word.as_str());
    let shortened = |known: &&str| word.len() >= SHORTENED_MIN && known.starts_with(&word);
    SORTED.get(at).is_some_and(|known| *known == word || shortened(known))
}

/// Whether it is one of them in full.
pub(crate) fn is_word(word: &str) -> bool {
    SORTED.binary_search(&bare(word).as_str()).is_ok()
}

fn bare(word: &str) -> String {
    word.split_once(':').map_or(word, |(word, _)| word).to_ascii_lowercase()
}

static SORTED: LazyLock<Vec<&str>> = LazyLock::new(|| WORDS.split_ascii_whitespace().collect());

const WORDS: &str = "\
    aaa aaa-server access-class access-expression access-group accounting-threshold acl action active \
    address address-family address-pool address-range admin-context admin-tech-on-failure advertise \
    advertisement-interval af-interface age alarm-interface alert alias allocate allow allow-service alps \
    anti anyconnect anyconnect-custom-attr anyconnect-essentials ap app-visibility appletalk apply appqoe \
    aqm-register-fnf archive archive-log arp as-dot-notation asa asdm asdm-history assoc-retransmit \
    association async-bootp atm audit-trail auth-prompt authentication authentication-filter \
    authentication-server-group authentication-type authorization authorization-server-group auto-import \
    auto-recovery auto-sync auto-update autobaud-detect aux bandwidth banner bba-group bfd bgp \
    bgp-community boot boot-end-marker boot-start-marker border bridge bridge-domain bridge-group \
    broadcast-key bsd-client bstun buffers building bundle-enable busy-message ca ca-tp-label cable call \
    call-home call-manager-fallback captive-portal carrier carrier-delay ccm-manager cdp cef certificate \
    certificate-group-map certificate-lifetime cfs cgmp channel channel-group chat-script checkheaps cipc \
    circuit-type cisp class clear client-types client-update clock clockrate cluster cns coap collect \
    color compression conduit conf confdconfig config config-register configure conform-action \
    congestion-control connect console console-baud-rate control-plane control-session-pps control-word \
    controller cops copy cos-queue-group counters crashinfo crl crypto crypto-map cryptochecksum ctl-file \
    cts current cwmp dampening dbconn dbl default default-domain default-group-policy default-information \
    default-metric default-router default-value delay delete-dynamic-learn delete-interface deny deploy \
    des description destination destination-slot device dhcp-client dhcpd dhcprelay diagnostic dial-peer \
    dialer dialer-group dialer-list dialplan dir discovery disk distance distribute-list distribution dns \
    dns-group dns-group-map dns-guard dns-server dns-to-domain do domain domain-name dot11 dot1x downlink \
    drop drop-connection dscp dscp-value dsl dspfarm dspu dual-active dual-mode-default-vlan duplex \
    dynamic-access-policy-config dynamic-access-policy-record dynamic-filter dynamic-map eap eckey-type \
    ecmp-limit eigrp email enable enabled encap encapsulation encr encryption end endpoint-ip \
    endpoint-tracker enrollment enter environment-monitor eool eor-timer eou ephone ephone-dn epm eq erase \
    errdisable erspan-id established ethernet ethertype eval event exceed-action exception exception-slave \
    exec exec-timeout exit exit-address-family exit-af-interface exit-af-topology expire-entry-timer \
    exporter fabric-mode fabricpath failover failover-interface fair-queue fallback feature feature-set \
    fex fields file-prompt filter fixup flash floodguard flow flow-export flow-offload flow-top-talkers \
    flow-visibility flowcontrol format fpd fqdn fqdn-cache fragment frame-relay frequency from ft ftp \
    ftp-server full-duplex gatekeeper gateway global global-port-security gnss graceful graceful-restart \
    graceful-restart-timer group group-alias group-delimiter group-lock group-object group-policy gt gtp \
    gw-type-prefix h225 h323 half-duplex hardware hash hello-interval hello-password hello-tolerance help \
    hidekeys history hold-queue holdtime host hpm hsrp http hw-module icmp icmp-object id-manager \
    id-mismatch id-randomization identity ignore ikev1 ikev2 imap4s implicit-acl-logging import \
    inactivity-timer inbound inservice inspect inspect-map install int integrity intercept interface-range \
    internal-password interval interworking ip ip-phone-bypass ipc ipsec ipsla ipv4 ipv6 ipv6-address-pool \
    ipv6-vpn ipx is-type isakmp isakmp-profile isdn isolate ispf iv jumbo-frame keepalive kerberos key \
    key-hash key-source keyboard keypair keyring keystore kron l2 l2protocol l2tp l2tp-class l4tm \
    lacp-timeout lag lane last-resort-circuit ldap ldap-attribute-map ldap-server leap-bypass lease length \
    license licensing lifetime limit-resource line link linksec lldp lnm load load-balance load-interval \
    local local-ip local-port locale log log-adj-changes log-adjacency-changes log-frequency \
    log-neighbor-changes logging login login-block logout logout-warning low-bandwidth-link lpts lrq \
    lsp-gen-interval lsp-password lsp-refresh-interval lt mab mac mac-address mac-address-table mac-list \
    main-cpu management-access management-only map map-class map-list master match max-app-payload \
    max-forwards-validation max-lsp-lifetime max-reserved-bandwidth maximum media-termination media-type \
    member-interface memberof memory memory-size menu message-length metric metric-style mfib mgcp \
    microcode mirror mls mmi mobility mode module monitor monitor-interface mop mount mpf-policy-map mpls \
    mroute msdp mtu multi-session multi-tenancy multicast-routing multilink multilink-group multiplier \
    nac-policy name name-server nameif names nas nat nat-refresh-interval nat64 negotiation neighbor nem \
    neq net netbios netconf-yang network network-acl network-clock-participate network-object networks \
    next-hop-self no nop notify nsap nsf ntp num-exp num-packets nv nve object object-group ocsp omp \
    on-demand onep organization-name ospf ospfv3 outbound overlay-id packet-tracer pad pager pagp \
    parameters parser pass passive passive-interface passwd password password-management password-policy \
    path path-retransmit pattern pause pcp pcp-value pdm peer peer-config-check-bypass peer-gateway \
    peer-id-validate peer-keepalive peer-switch pep periodic permit persistent phone-proxy physical-port \
    pim ping pinning pix pki pmtu-discovery pnp poap point-to-point police policy poll-timer pool pop3s \
    port port-hop port-name port-object port-offset port-profile port-security ports power power-mgr \
    power-supply ppp pppoe pppoe-client pppoe-group pre-shared-key precedence preempt prefix-list prf \
    primary-port priority priority-queue privilege process-max-time profile profile-name prompt proposal \
    protocol protocol-discovery protocol-object protocol-violation proxy-ldc-issuer pseudowire-class ptp \
    pvc qos-mapping queue queue-buffers queue-limit quit quota ra radius radius-server random-detect \
    random-detect-label range rd real record record-entry redistribute redundancy regenerate regex rekey \
    reload remark remote remote-access-list remote-ip remote-management remote-port rename replay \
    replay-window reset resource restconf retransmit-timeout retries revocation-check rif rlogin rmon role route \
    route-lookup route-map route-tag route-target router router-alert router-id rp rsa-key-modulus rsvp \
    rtp-conformance rtr rts rule rx-cos-slot sa same-security-traffic sap sasl satellite schedule \
    scheduler scopy scp scripting sctp sdwan secure security security-group security-level send-path-limit \
    sensor sequence serial-number server server-id serverfarm service service-interface service-object \
    service-object-group service-policy service-template service-type session session-protection \
    session-timeout set set-overload-bit settings sfr sh shape show shun shut shutdown signalling signing \
    sip sip-ua site-id sla sla-monitor slb-policy slot slot-table-cos smart-tunnel smtp-server smtps snmp \
    snmp-map snmp-server sntp soft-reconfiguration software software-version source source-interface \
    sp-organization-name spanning-tree spd speed spf spf-interval spi split-dns split-tunnel-network-list \
    split-tunnel-policy sqlnet ssh ssid ssl sslproxy standby standby-group startup-config state \
    state-checking static station-role statistics stcapp stopbits strict-header-validation stun \
    subject-name subnet subscribe-to-alert-group subscriber summary-address suspend svc switch switchport \
    sysmac sysopt system system-ip system-priority table-map tacacs tacacs-server tag tag-switching tap \
    tcp tcp-inspection tcp-map tcp-options tcpopt telephony-service telnet terminal test tftp tftp-proxy \
    tftp-server threat-detection threshold time-range timeout timers tloc-extension tls tls-proxy topology \
    track track-default-gateway track-transport tracker-type traffic-non-sip transceiver transform \
    transform-set transport trunk trust ts-agent ttcp tty tunnel tunnel-group tunnel-group-list \
    tunnel-group-map tunnel-interface type ucse udld udp unified update-calendar uri-non-sip url-block \
    url-cache url-list url-server use-vrf user user-identity user-statistics username using utd \
    validation-usage vbond vbond-as-stun-server vbr-nrt vce vdc verify version violate-action virtual \
    virtual-profile virtual-service virtual-template vlan vlan-group vmanage-connection-preference voice \
    voice-card voice-port voice-translation vpc vpdn vpdn-group vpdn-template vpn vpn-addr-assign \
    vpn-idle-timeout vpn-session-timeout vpn-sessiondb vpn-simultaneous-logins vpn-tunnel-protocol vrf \
    vserver vstack vtemplate vtp vty vty-pool warm-reboot wavelength wccp webauth webvpn whois window-size \
    wins-server wireless wlccp wr write write-memory wrr wrr-queue x25 x29 xconnect xdr xlate xml xsm \
    zeroize zonelabs-integrity";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_in_order_and_each_stands_once() {
        assert!(SORTED.len() > 250, "{}", SORTED.len());
        for pair in SORTED.windows(2) {
            assert!(pair[0] < pair[1], "{pair:?}");
        }
        assert!(
            SORTED
                .iter()
                .all(|word| word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'))
        );
    }

    #[test]
    fn a_word_may_be_shortened_and_end_in_a_value() {
        for word in ["snmp-server", "SNMP-Server", "snmp", "cryptochecksum:5a50", "rou", "Password:"] {
            assert!(begins_a_statement(word), "{word}");
        }
        for word in ["snmq-server", "include", "clas-map", "loggin-host", "", "zz"] {
            assert!(!begins_a_statement(word), "{word}");
        }
    }
}
