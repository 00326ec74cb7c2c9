@security @resilience @needs:psk @needs:cid
Feature: Connection ids, a device whose address changes in the middle of its session

  A NAT forgets; a sleeping device wakes up behind another address. With a connection id (RFC 9146) the server knows the session all the same.

  @judges:lwm2m-server @should @rule:session-follows-address
  Scenario: With a connection id the session goes on from the new address, without a handshake
    Given device "c1" asks for connection ids
    And device "c1" is registered with operator A
    And the records of "c1" carry a connection id
    When the address of "c1" changes in its session with server A
    Then "c1" goes on in the same session with server A
    And server A reaches "c1" at its new address
    And "c1" goes on in the same session with server A

  @judges:lwm2m-server @must @rule:old-records-move-nothing
  Scenario: An old record that somebody sends again from elsewhere does not move the session
    Given device "c1" asks for connection ids
    And device "c1" is registered with operator A
    And the records of "c1" carry a connection id
    And somebody on the way keeps the last record of "c1"
    When "c1" updates its registration with operator A
    Then that record, sent from elsewhere, moves nothing: server A reaches "c1" where it is

  # The twin of the first: it differs in the connection id.
  @judges:device @must @rule:device-recovers
  Scenario: Without a connection id the device finds out by silence, makes another session and registers
    Given device "c1" is registered with operator A
    When the address of "c1" changes in its session with server A
    Then "c1" makes another session with server A, and is registered again
