@security @judges:device @must @needs:psk @needs:x509
Feature: What a device takes for the certificate of its Server

  Resource 15 of the Security object says what the certificate in it is to the one that the server shows: 0 and 2 name an authority, 1 and 3 the server's own.
  Whatever the device finds, it says in an alert; another try would end the same way.

  @rule:device-handshake-fail @rule:device-checks-server
  Scenario Outline: Under certificate usage <usage> a server whose certificate is <misfit> is refused, and the device asks its Bootstrap Server
    Given device "c1" has an account of operator B under certificate usage <usage>, and server B shows it a certificate that is "<misfit>"
    When "c1" starts
    Then "c1" refuses server B with alert <alerts>
    And "c1" asks for a bootstrap because it gets no session with server B

    Examples:
      | usage | misfit                  | alerts         |
      | 2     | expired                 | 42 or 45 or 46 |
      | 2     | not yet valid           | 42 or 45 or 46 |
      | 2     | of another name         | 42 or 46       |
      | 2     | of an unknown authority | 42 or 46 or 48 |
      | 0     | of another name         | 42 or 46       |
      | 0     | of an unknown authority | 42 or 46 or 48 |

  @rule:device-handshake-fail @rule:device-checks-server
  Scenario: Under certificate usage 3 a server with another certificate is refused
    Given device "c1" has an account of operator B in mode x509 that names another server's
    When "c1" starts
    Then "c1" refuses server B with alert 42 or 46 or 48
    And "c1" asks for a bootstrap because it gets no session with server B

  @rule:device-needs-der
  Scenario: A certificate in PEM is none, and the device begins nothing with it
    Given device "c1" has an account of operator B in mode x509, written in PEM
    When "c1" starts
    Then "c1" begins no session with server B
