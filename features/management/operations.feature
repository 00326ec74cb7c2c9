@management @judges:device @must
Feature: Device management operations

  A LwM2M Server reads, writes and executes what the device has; the device answers by the table of codes.

  Background:
    Given device "c1" is registered with operator A

  @rule:device-read @like:int-201
  Scenario: A Read of a resource gives its value
    When operator A reads /3303/0/5701 of "c1"
    Then the answer is 2.05
    And the value is "Cel"

  @rule:device-read
  Scenario Outline: A Read of <what> is answered <code>
    When operator A reads <path> of "c1"
    Then the answer is <code>

    Examples:
      | what                                | path        | code |
      | an object                           | /3303       | 2.05 |
      | an instance                         | /3/0        | 2.05 |
      | a resource instance                 | /3/0/6/0    | 2.05 |
      | an object that is not there         | /32766      | 4.04 |
      | an instance that is not there       | /3303/77    | 4.04 |
      | a resource that is not there        | /3/0/33     | 4.04 |
      | a resource that can only be executed | /3/0/4     | 4.05 |

  @rule:device-read
  Scenario: A Read in a content format that the device does not have is answered 4.06
    When operator A reads /3/0/0 of "c1" in content format 64999
    Then the answer is 4.06

  @rule:device-read
  Scenario: The same Read in a content format that it has
    When operator A reads /3/0/0 of "c1" in content format 0
    Then the answer is 2.05

  @rule:device-discover @like:int-260
  Scenario: A Discover lists resources, those that can be executed among them
    When operator A discovers /3/0 of "c1"
    Then the answer is 2.05
    And the answer lists "/3/0/0"
    And the answer lists "/3/0/4"
    And the answer does not list "/3/0/33"

  @rule:device-discover
  Scenario: A Discover of an object that is not there is answered 4.04
    When operator A discovers /32766 of "c1"
    Then the answer is 4.04

  @rule:device-write @like:int-205
  Scenario: A written value is there afterwards
    When operator A writes "+05" to /3/0/14 of "c1"
    Then the answer is 2.04
    When operator A reads /3/0/14 of "c1"
    Then the value is "+05"

  @rule:device-write
  Scenario: A Write to a resource that can only be read changes nothing
    When operator A writes "Somebody" to /3/0/0 of "c1"
    Then the answer is 4.05
    When operator A reads /3/0/17 of "c1"
    Then the answer is 2.05
    And the value is "simulator"

  @rule:device-write
  Scenario: A partial Write changes what it names and nothing else
    When operator A writes to /3/0 of "c1":
      | /3/0/14 | +02           |
      | /3/0/15 | Europe/Berlin |
    Then the answer is 2.04
    When operator A reads /3/0/15 of "c1"
    Then the value is "Europe/Berlin"
    When operator A reads /3/0/17 of "c1"
    Then the value is "simulator"

  @rule:device-write
  Scenario: One resource that cannot be written refuses the whole Write
    When operator A writes to /3/0 of "c1":
      | /3/0/14 | +03      |
      | /3/0/0  | Somebody |
    Then the answer is 4.05
    When operator A reads /3/0/14 of "c1"
    Then the value is "+00"

  @rule:device-execute @like:int-204
  Scenario Outline: An Execute of <what> is answered <code>
    When operator A executes <path> of "c1"
    Then the answer is <code>

    Examples:
      | what                                  | path     | code |
      | an executable resource                | /3/0/12  | 2.04 |
      | a resource that can only be read      | /3/0/0   | 4.05 |
      | a resource that is not there          | /3/0/33  | 4.04 |
      | a resource of an absent instance      | /3/7/12  | 4.04 |

  @rule:device-create-delete
  Scenario: An instance is created, and deleted again
    When operator A creates /3303/5 on "c1" with:
      | /3303/5/5700 | 3.5 |
    Then the answer is 2.01
    When operator A reads /3303/5/5700 of "c1"
    Then the value is "3.5"
    When operator A deletes /3303/5 of "c1"
    Then the answer is 2.02
    When operator A reads /3303/5/5700 of "c1"
    Then the answer is 4.04

  @rule:device-create-delete
  Scenario: An instance that is there already cannot be created
    When operator A creates /3303/0 on "c1" with:
      | /3303/0/5700 | 3.5 |
    Then the answer is 4.00

  @rule:device-create-delete
  Scenario: The Device object cannot be deleted
    When operator A deletes /3/0 of "c1"
    Then the answer is 4.05
    When operator A reads /3/0/17 of "c1"
    Then the answer is 2.05

  @rule:device-attributes
  Scenario: Attributes are shown to the server that set them
    When operator A sets the attributes "pmin=5&pmax=50" on /3303/0/5700 of "c1"
    Then the answer is 2.04
    When operator A discovers /3303/0 of "c1"
    Then the answer lists "/3303/0/5700;pmin=5;pmax=50"

  @rule:device-attributes
  Scenario: Attributes that contradict each other are refused
    When operator A sets the attributes "lt=30&gt=20" on /3303/0/5700 of "c1"
    Then the answer is 4.00

  @rule:device-security-closed
  Scenario Outline: The Security object is closed to <what>
    When operator A <operation> of "c1"
    Then the answer is 4.01

    Examples:
      | what       | operation            |
      | Read       | reads /0             |
      | Read of an instance | reads /0/0  |
      | Read of a resource  | reads /0/0/0 |
      | Discover   | discovers /0         |
      | Write      | writes "coap://127.0.0.1" to /0/0/0 |
      | Delete     | deletes /0/0         |
      | Observe    | observes /0/0/0      |
